//! What is measured: for each scenario one API or proxy service in front of the echo backend, the
//! request that is sent, and the reply that must come back.

use std::fs;
use std::io;
use std::path::Path;

/// One scenario.
#[derive(Debug, Clone)]
pub struct Scenario {
    pub name: &'static str,
    pub about: &'static str,
    path: &'static str,
    headers: &'static str,
    /// The flow's own mediators, in front of the call to the backend.
    mediators: &'static str,
    proxy: bool,
    /// The reply body: the request's, unless the flow writes its own.
    reply: Option<&'static str>,
}

const NAMESPACE: &str = "http://ws.apache.org/ns/synapse";

/// All scenarios, cheapest first.
pub fn all() -> Vec<Scenario> {
    let api =
        Scenario { name: "", about: "", path: "", headers: "", mediators: "", proxy: false, reply: None };
    vec![
        Scenario {
            name: "direct-api",
            about: "API: call, respond; body untouched",
            path: "/direct",
            ..api.clone()
        },
        Scenario {
            name: "direct-proxy",
            about: "proxy service with a target endpoint; body untouched",
            path: "/services/Direct",
            proxy: true,
            ..api.clone()
        },
        Scenario {
            name: "property",
            about: "one property mediator, then as direct-api",
            path: "/property",
            mediators: "<property name=\"kind\" value=\"bench\"/>",
            ..api.clone()
        },
        Scenario {
            name: "filter-header",
            about: "filter on a transport header, then as direct-api",
            path: "/header",
            headers: "routing: xadmin;server1;community#1.0##\r\n",
            mediators: "<filter source=\"$trp:routing\" regex=\"xadmin;server1;community#1.0##\"><then/><else><drop/></else></filter>",
            ..api.clone()
        },
        Scenario {
            name: "filter-body",
            about: "filter on the JSON body, then as direct-api",
            path: "/body",
            mediators: "<filter xpath=\"${payload.order.symbol == 'IBM'}\"><then/><else><drop/></else></filter>",
            ..api.clone()
        },
        Scenario {
            name: "payload-factory",
            about: "payloadFactory writes a small JSON body from the request's, then as direct-api",
            path: "/payload",
            mediators: "<payloadFactory media-type=\"json\"><format>{\"symbol\": \"${payload.order.symbol}\", \
                        \"total\": ${payload.order.quantity * 2}}</format></payloadFactory>",
            reply: Some("{\"symbol\": \"IBM\", \"total\": 24}"),
            ..api
        },
    ]
}

impl Scenario {
    /// The bytes of a request with a body of this size.
    pub fn request(&self, size: usize) -> Vec<u8> {
        let body = body(size);
        format!(
            "POST {} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n{}Content-Length: {}\r\n\r\n{body}",
            self.path,
            self.headers,
            body.len()
        )
        .into_bytes()
    }

    /// The body of every right reply; nginx always returns the request's.
    pub fn reply(&self, size: usize, is_peer: bool) -> Vec<u8> {
        self.reply.filter(|_| !is_peer).map_or_else(|| body(size), str::to_owned).into_bytes()
    }

    /// Writes the artifact into a project folder.
    pub fn write(&self, artifacts: &Path, backend: u16) -> io::Result<()> {
        let endpoint = format!("<endpoint><address uri=\"http://127.0.0.1:{backend}/\"/></endpoint>");
        let name: String = self.name.replace('-', "_");
        let (folder, text) = if self.proxy {
            let target = format!("<target>{endpoint}<outSequence><send/></outSequence></target>");
            let text = format!(
                "<proxy xmlns=\"{NAMESPACE}\" name=\"Direct\" transports=\"http https\">{target}</proxy>"
            );
            ("proxy-services", text)
        } else {
            let flow =
                format!("<inSequence>{}<call>{endpoint}</call><respond/></inSequence>", self.mediators);
            let text = format!(
                "<api xmlns=\"{NAMESPACE}\" name=\"{name}\" context=\"{}\"><resource methods=\"POST\">{flow}</resource></api>",
                self.path
            );
            ("apis", text)
        };
        let folder = artifacts.join(folder);
        fs::create_dir_all(&folder)?;
        fs::write(folder.join(format!("{name}.xml")), text)
    }
}

/// A JSON order of exactly this many bytes, if it can be that small.
pub fn body(size: usize) -> String {
    let head = "{\"order\":{\"symbol\":\"IBM\",\"quantity\":12,\"note\":\"";
    let tail = "\"}}";
    format!("{head}{}{tail}", "x".repeat(size.saturating_sub(head.len() + tail.len())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_have_their_size() {
        for size in [100, 1024, 10_000] {
            assert_eq!(body(size).len(), size);
            assert!(serde_json::from_str::<serde_json::Value>(&body(size)).is_ok());
        }
    }

    #[test]
    fn artifacts_are_written() {
        let dir = tempfile::tempdir().unwrap();
        for scenario in all() {
            scenario.write(dir.path(), 1234).unwrap();
        }
        assert_eq!(fs::read_dir(dir.path().join("apis")).unwrap().count(), 5);
        let proxy = fs::read_to_string(dir.path().join("proxy-services/direct_proxy.xml")).unwrap();
        assert!(proxy.contains("127.0.0.1:1234"));
    }
}
