//! Free ports below the range that the system hands out by itself, so that nothing else takes
//! them between choosing and listening.

use std::net::TcpListener;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::{SystemTime, UNIX_EPOCH};

const FIRST: u16 = 10_000;
const COUNT: u16 = 21_000;
/// Ports of a server at offset 0: HTTP, HTTPS, health, management.
const SERVER: [u16; 4] = [8280, 8243, 9191, 9154];

static NEXT: Mutex<Option<u16>> = Mutex::new(None);

/// The next candidate; every process starts somewhere else.
fn next() -> u16 {
    let mut next = NEXT.lock().unwrap_or_else(PoisonError::into_inner);
    let start = next.unwrap_or_else(|| {
        let nanos = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().subsec_nanos();
        let seed = nanos.wrapping_add(std::process::id().wrapping_mul(7919));
        u16::try_from(seed % u32::from(COUNT)).unwrap_or_default()
    });
    *next = Some((start + 1) % COUNT);
    FIRST + start
}

fn is_free(port: u16) -> bool {
    TcpListener::bind(("127.0.0.1", port)).is_ok()
}

/// A port that nobody listens on.
pub(crate) fn free_port() -> u16 {
    (0..COUNT).map(|_| next()).find(|p| is_free(*p)).unwrap_or(0)
}

/// A port offset whose four server ports are free. No two calls of a process give the same.
pub fn free_offset() -> u16 {
    let fits = |offset: &u16| SERVER.iter().all(|base| is_free(base + offset));
    // Below 31,000 with every base added, so the largest offset is limited.
    (0..COUNT).map(|_| next() % 21_000).find(fits).unwrap_or(10_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_differ_and_stay_below_the_range_of_the_system() {
        let (a, b) = (free_port(), free_port());
        assert!(a != b && (FIRST..FIRST + COUNT).contains(&a) && (FIRST..FIRST + COUNT).contains(&b));
    }

    #[test]
    fn a_taken_port_is_not_free() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        assert!(!is_free(taken.local_addr().unwrap().port()));
    }

    #[test]
    fn offsets_leave_room_for_all_server_ports() {
        let (a, b) = (free_offset(), free_offset());
        assert!(a != b && SERVER.iter().all(|base| base + a < 32_768 && base + b < 32_768));
    }
}
