//! TLS on both sides: who is believed, and what the client sees when somebody is not.

use super::*;
use crate::settings::{HostNames, ProfilesFile, SenderTls};
use crate::tls::testing::{Authority, Home, self_signed};
use crate::tls::{Sender, Stores};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, HandshakeKind, ServerConfig};
use tokio_rustls::client::TlsStream;
use tokio_rustls::{TlsAcceptor, TlsConnector};

const GET: &[u8] = b"GET /x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
const LOCAL: [&str; 2] = ["localhost", "127.0.0.1"];

async fn secured<F>(tls: Arc<ServerConfig>, flow: F) -> Running
where
    F: Fn(Message, Arc<Exchange>) -> BoxFuture<'static, ()> + Send + Sync + 'static,
{
    listen(ListenerOptions { tls: Some(tls), ..ListenerOptions::default() }, flow).await
}

fn client(tls: Arc<Sender>) -> Client {
    Client::new(ClientOptions { tls, ..ClientOptions::default() })
}

/// Calls a backend over TLS and gives the status, or the error code.
async fn call(client: &Client, host: &str, port: u16) -> Result<u16, i32> {
    call_as(client, None, host, port).await
}

/// The same as a client of an SSL profile.
async fn call_as(client: &Client, id: Option<&str>, host: &str, port: u16) -> Result<u16, i32> {
    let mut message = Message::new();
    if let Some(id) = id {
        message.axis2.set("ssl.profile.client.identifier", id);
    }
    let url = format!("https://{host}:{port}/x");
    let request = backend::request(client, &mut message, http::Method::GET, &url).unwrap();
    let timeouts = Timeouts { connect: Duration::from_secs(30), response: Duration::from_secs(30) };
    client.send(request, &timeouts).await.map(|response| response.status.as_u16()).map_err(|e| e.error.code())
}

async fn dial(address: SocketAddr, config: &Arc<ClientConfig>) -> std::io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(address).await?;
    TlsConnector::from(config.clone()).connect(ServerName::try_from("localhost").unwrap(), stream).await
}

/// Sends a request and reads until the listener closes.
async fn ask(address: SocketAddr, tls: &Sender, request: &[u8]) -> std::io::Result<(String, HandshakeKind)> {
    let mut stream = dial(address, &tls.config("localhost", address.port(), None).unwrap()).await?;
    stream.write_all(request).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    let kind = stream.get_ref().1.handshake_kind().unwrap();
    Ok((String::from_utf8_lossy(&answer).into_owned(), kind))
}

#[tokio::test]
async fn a_request_goes_through_two_secured_hops() {
    let (home, authority) = (Home::new(), Authority::new("a"));
    let tls = home.listener(&authority.sign(&LOCAL), None);
    let sender = home.sender(&authority.pem(), None, HostNames::Default);
    let behind = secured(tls.clone(), |mut message, exchange| {
        message.headers.set("X-Secure", &message.wire.secure.to_string());
        echo(message, exchange)
    })
    .await;
    let url = format!("https://localhost:{}/back", behind.local_addr().port());
    let front = secured(tls, pass_to(client(sender.clone()), url, Duration::from_secs(30))).await;
    let body = "x".repeat(300_000);
    let request = format!(
        "POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let (answer, _) = ask(front.local_addr(), &sender, request.as_bytes()).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("x-secure: true"), "{}", &answer[..300]);
    let at = answer.find("\r\n\r\n").unwrap();
    assert_eq!(answer[at..].matches('x').count(), 300_000);
}

#[tokio::test]
async fn backends_are_believed_by_their_authority_and_name() {
    let (home, authority) = (Home::new(), Authority::new("a"));
    let trusting = |names| client(home.sender(&authority.pem(), None, names));
    let usual = trusting(HostNames::Default);
    for (keys, default, any, why) in [
        (authority.sign(&LOCAL), Ok(200), Ok(200), "fits"),
        (authority.sign(&["a.org"]), Err(101_500), Ok(200), "of another host"),
        (authority.sign_expired(&LOCAL), Err(101_500), Err(101_500), "expired"),
        (Authority::new("b").sign(&LOCAL), Err(101_500), Err(101_500), "of another authority"),
        (self_signed(&LOCAL), Err(101_500), Err(101_500), "of itself"),
    ] {
        let running = secured(home.listener(&keys, None), echo).await;
        let port = running.local_addr().port();
        for host in LOCAL {
            assert_eq!(call(&usual, host, port).await, default, "{why}, {host}");
        }
        assert_eq!(call(&trusting(HostNames::AllowAll), "localhost", port).await, any, "{why}, any name");
    }
    let other = secured(home.listener(&authority.sign(&["a.org"]), None), echo).await;
    let local = trusting(HostNames::DefaultAndLocalhost);
    assert_eq!(call(&local, "localhost", other.local_addr().port()).await, Ok(200));
}

#[tokio::test]
async fn a_certificate_in_the_trust_store_needs_no_authority() {
    let home = Home::new();
    let keys = self_signed(&LOCAL);
    let running = secured(home.listener(&keys, None), echo).await;
    let client = client(home.sender(&keys, None, HostNames::Default));
    assert_eq!(call(&client, "localhost", running.local_addr().port()).await, Ok(200));
}

#[tokio::test]
async fn clients_show_their_certificates() {
    let (home, authority) = (Home::new(), Authority::new("a"));
    let listener = home.listener(&authority.sign(&LOCAL), Some(&authority.pem()));
    let running = secured(listener, echo).await;
    let with = |keys: Option<&str>| home.sender(&authority.pem(), keys, HostNames::Default);
    let good = ask(running.local_addr(), &with(Some(&authority.sign(&["me"]))), GET).await;
    assert!(good.unwrap().0.starts_with("HTTP/1.1 200"));
    let stranger = Authority::new("b").sign(&["me"]);
    for keys in [None, Some(stranger.as_str())] {
        assert!(ask(running.local_addr(), &with(keys), GET).await.is_err(), "{keys:?}");
    }
    let port = running.local_addr().port();
    assert_eq!(call(&client(with(Some(&authority.sign(&["me"])))), "localhost", port).await, Ok(200));
    assert!(call(&client(with(None)), "localhost", port).await.is_err());
}

#[tokio::test]
async fn a_client_certificate_is_believed_when_it_lies_in_the_trust_store() {
    let home = Home::new();
    let (server, me) = (self_signed(&LOCAL), self_signed(&["me"]));
    let running = secured(home.listener(&server, Some(&me)), echo).await;
    let sender = home.sender(&server, Some(&me), HostNames::Default);
    assert!(ask(running.local_addr(), &sender, GET).await.unwrap().0.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn the_key_of_a_trusted_certificate_signs_others_only_for_an_authority() {
    let (home, authority) = (Home::new(), Authority::new("a"));
    let (leaf, keys) = Authority::of_leaf(&LOCAL);
    // The key of a server lies in its trust store as an entry of its own; others are certificates.
    for trusted in [leaf.pem(), keys.clone(), leaf.pem() + &authority.pem()] {
        let with_authority = trusted.contains(&authority.pem());
        let client = client(home.sender(&trusted, None, HostNames::Default));
        let refused = Err(101_500);
        for (shown, expected, why) in [
            (keys.clone(), Ok(200), "itself"),
            (leaf.sign(&LOCAL), refused, "signed by it"),
            (leaf.sign(&LOCAL) + &leaf.pem(), refused, "signed by it, with the chain"),
            (authority.sign(&LOCAL), if with_authority { Ok(200) } else { refused }, "of an authority"),
        ] {
            let running = secured(home.listener(&shown, None), echo).await;
            let port = running.local_addr().port();
            assert_eq!(call(&client, "localhost", port).await, expected, "backend, {why}");
            let running = secured(home.listener(&keys, Some(&trusted)), echo).await;
            let sender = home.sender(&keys, Some(&shown), HostNames::Default);
            let answer = ask(running.local_addr(), &sender, GET).await;
            assert_eq!(answer.is_ok(), expected.is_ok(), "client, {why}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn sessions_are_resumed_on_both_sides() {
    let (home, authority) = (Home::new(), Authority::new("a"));
    let tls = home.listener(&authority.sign(&LOCAL), None);
    let sender = home.sender(&authority.pem(), None, HostNames::Default);
    let running = secured(tls.clone(), echo).await;
    let mut kinds = Vec::new();
    for _ in 0..2 {
        kinds.push(ask(running.local_addr(), &sender, GET).await.unwrap().1);
    }
    assert_eq!(kinds, [HandshakeKind::Full, HandshakeKind::Resumed]);

    let backend = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = backend.local_addr().unwrap().port();
    let seen = tokio::spawn(async move {
        let mut kinds = Vec::new();
        for _ in 0..2 {
            let (stream, _) = backend.accept().await.unwrap();
            let mut stream = TlsAcceptor::from(tls.clone()).accept(stream).await.unwrap();
            kinds.push(stream.get_ref().1.handshake_kind().unwrap());
            let _request = stream.read(&mut [0; 4096]).await.unwrap();
            stream.write_all(b"HTTP/1.1 204 No\r\nConnection: close\r\n\r\n").await.unwrap();
        }
        kinds
    });
    let client = client(home.sender(&authority.pem(), None, HostNames::Default));
    for _ in 0..2 {
        assert_eq!(call(&client, "localhost", port).await, Ok(204));
    }
    assert_eq!(seen.await.unwrap(), [HandshakeKind::Full, HandshakeKind::Resumed]);
}

#[tokio::test]
async fn peers_that_speak_no_tls_are_told_apart() {
    let (home, authority) = (Home::new(), Authority::new("a"));
    let sender = home.sender(&authority.pem(), None, HostNames::Default);
    // A plain backend is no backend for https.
    let plain = listen(ListenerOptions::default(), echo).await;
    assert_eq!(call(&client(sender.clone()), "localhost", plain.local_addr().port()).await, Err(101_500));
    // One that never answers uses up the time to connect.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/x", silent.local_addr().unwrap());
    let client_of_silent = client(sender.clone());
    let request = backend::request(&client_of_silent, &mut Message::new(), http::Method::GET, &url).unwrap();
    let timeouts = Timeouts { connect: Duration::from_millis(100), ..Timeouts::default() };
    let failed = client_of_silent.send(request, &timeouts).await.unwrap_err();
    assert_eq!(failed.error.code(), 101_508);
    // A plain client gets nothing from a secured listener, and harms nobody.
    let running = secured(home.listener(&authority.sign(&LOCAL), None), echo).await;
    assert!(!talk(running.local_addr(), GET).await.contains("HTTP/1.1 200"));
    assert!(ask(running.local_addr(), &sender, GET).await.unwrap().0.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn a_handshake_does_not_hold_up_the_end() {
    let (home, authority) = (Home::new(), Authority::new("a"));
    let running = secured(home.listener(&authority.sign(&LOCAL), None), echo).await;
    let idle = TcpStream::connect(running.local_addr()).await.unwrap();
    assert!(
        ask(running.local_addr(), &home.sender(&authority.pem(), None, HostNames::Default), GET)
            .await
            .is_ok()
    );
    assert!(running.drain(Duration::from_secs(5)).await);
    drop(idle);
}

#[tokio::test]
async fn a_listener_without_key_store_shows_a_certificate_of_its_own() {
    let home = Home::new();
    let settings = crate::settings::Settings::default().http.listener_tls;
    let config = crate::tls::listener(&settings, &mut Stores::below(home.0.path())).unwrap();
    let running = secured(config, echo).await;
    let nobody = home.sender(&Authority::new("a").pem(), None, HostNames::AllowAll);
    let error = ask(running.local_addr(), &nobody, GET).await.unwrap_err().to_string();
    assert!(error.contains("UnknownIssuer"), "{error}");
}

#[tokio::test]
async fn profiles_give_backends_and_clients_stores_of_their_own() {
    let (home, a, b) = (Home::new(), Authority::new("a"), Authority::new("b"));
    let asking = secured(home.listener(&b.sign(&LOCAL), Some(&b.pem())), echo).await;
    let open = secured(home.listener(&b.sign(&LOCAL), None), echo).await;
    let (asking, open) = (asking.local_addr().port(), open.local_addr().port());
    let me = home.file("me.pem", b.sign(&["me"])).location;
    let trusted = home.file("b.pem", b.pem()).location;
    let trust = format!("<TrustStore><Location>{trusted}</Location><Password>x</Password></TrustStore>");
    let profiles = |servers: &str| {
        format!(
            "<parameter name='customSSLProfiles'><profile><servers>h:1, LOCALHOST:{asking}</servers>\
             <client><clientID>me</clientID><KeyStore><Location>{me}</Location><Password>x</Password></KeyStore>\
             {trust}</client></profile><profile novalidatecert='true'><servers>{servers}</servers></profile>\
             </parameter>"
        )
    };
    home.file("profiles.xml", profiles("h:2"));
    let file = ProfilesFile { location: "profiles.xml".into(), every: Duration::from_secs(1) };
    let settings = SenderTls { profiles: Some(file), ..home.calls(&a.pem(), None, HostNames::Default) };
    let sender = Arc::new(Sender::read(&settings, &mut home.stores()).unwrap());
    let client = client(sender.clone());
    assert_eq!(call_as(&client, Some("me"), "localhost", asking).await, Ok(200));
    for id in [None, Some("other")] {
        assert_eq!(call_as(&client, id, "localhost", asking).await, Err(101_500), "{id:?}");
    }
    assert_eq!(call(&client, "localhost", open).await, Err(101_500));
    home.file("profiles.xml", profiles("*"));
    sender.reload(&settings, &mut home.stores()).unwrap();
    assert_eq!(call(&client, "localhost", open).await, Ok(200));

    home.file("profiles.xml", profiles("*").replace(&me, "none.pem"));
    let error = sender.reload(&settings, &mut home.stores()).unwrap_err().to_string();
    assert!(error.contains("none.pem") && error.contains("SSL profile of h:1"), "{error}");
    assert_eq!(call(&client, "localhost", open).await, Ok(200));
    let lenient = SenderTls { skip_broken_profiles: true, ..settings.clone() };
    assert!(Sender::read(&lenient, &mut home.stores()).is_ok());
    home.file("profiles.xml", "<parameter><profile/></parameter>");
    let error = sender.reload(&settings, &mut home.stores()).unwrap_err().to_string();
    assert!(error.contains("ssl_profile.file_path") && error.contains("<servers>"), "{error}");
}
