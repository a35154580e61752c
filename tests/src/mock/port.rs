//! A port that is ours but refuses connections: bound, not listening.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener};
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, getsockname, listen, socket_with, sockopt};

/// A bound socket that does not listen.
#[derive(Debug)]
pub(crate) struct Held {
    socket: OwnedFd,
    port: u16,
}

impl Held {
    /// Any free port.
    pub(crate) fn any() -> io::Result<Held> {
        Held::bind(0)
    }

    /// This port, as soon as its former listener has let go of it.
    pub(crate) fn exactly(port: u16) -> io::Result<Held> {
        let mut last = None;
        for _ in 0..50 {
            match Held::bind(port) {
                Ok(held) => return Ok(held),
                Err(e) => last = Some(e),
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        Err(last.unwrap_or_else(|| io::Error::other("port stays in use")))
    }

    fn bind(port: u16) -> io::Result<Held> {
        // Not inherited: a server started meanwhile would keep the port open.
        let flags = SocketFlags::CLOEXEC;
        let socket = socket_with(AddressFamily::INET, SocketType::STREAM, flags, None)?;
        sockopt::set_socket_reuseaddr(&socket, true)?;
        bind(&socket, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, port))?;
        let name: SocketAddrV4 = getsockname(&socket)?.try_into()?;
        Ok(Held { socket, port: name.port() })
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Starts to listen on the same socket.
    pub(crate) fn listen(self) -> io::Result<TcpListener> {
        listen(&self.socket, 128)?;
        Ok(TcpListener::from(self.socket))
    }
}
