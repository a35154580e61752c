//! The steps of a case: requests, expectations on backends, log and files, and changes to the
//! world around the server.

use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::Stop;
use super::run::CaseRun;
use crate::check;
use crate::json::{self, list, members, number, truthy};
use crate::mock::Received;
use crate::pattern::{full, glob_paths};
use crate::wire::{self, Broken, Headers, Message, Request};
use crate::xml::{SOAP11, SOAP12};

/// How often a condition that may become true is looked at.
const LOOK: Duration = Duration::from_millis(10);

impl CaseRun<'_> {
    /// Runs one step.
    pub(super) fn step(&mut self, step: &Value) -> Result<(), Stop> {
        if let Some(request) = step.get("request") {
            for _ in 0..step.get("repeat").and_then(Value::as_u64).unwrap_or(1) {
                let request = self.deep(Some(request));
                let expect = self.deep(step.get("expect"));
                self.request(&request, &expect, step.get("save"))?;
            }
        } else if let Some(n) = step.get("sleep_ms") {
            sleep(seconds(number(Some(n), 0.0) / 1000.0));
        } else if let Some(set) = step.get("set_backend") {
            let name = set.get("backend").map(json::text).unwrap_or_default();
            let backend = self.backends.get_mut(&name).ok_or_else(|| unknown_backend(&name))?;
            if truthy(set.get("down")) {
                backend.down()?
            } else {
                backend.up()?
            }
            sleep(Duration::from_millis(200));
        } else if let Some(e) = step.get("expect_backend") {
            self.expect_backend(&self.deep(Some(e)))?;
        } else if let Some(e) = step.get("expect_log") {
            self.expect_log(&self.deep(Some(e)))?;
        } else if let Some(p) = step.get("put_file") {
            self.put_file(&self.deep(Some(p)))?;
        } else if let Some(e) = step.get("expect_file") {
            expect_file(&self.deep(Some(e)))?;
        } else {
            let keys: Vec<&String> = members(Some(step)).map(|(k, _)| k).collect();
            return Err(Stop::Fail(format!("unknown step {keys:?}")));
        }
        Ok(())
    }

    fn request(&mut self, r: &Value, expect: &Value, save: Option<&Value>) -> Result<(), Stop> {
        let said = |key: &str| r.get(key).map(json::text);
        let path = said("path").unwrap_or_else(|| "/".into());
        let url = said("url").unwrap_or_else(|| self.base() + &path);
        let (host, port, target) = wire::split_url(&url)
            .ok_or_else(|| Stop::Fail(format!("runner: cannot read the address {url}")))?;
        let wait = seconds(number(r.get("timeout_s"), 30.0));
        let raw = said("raw");
        let method = match &raw {
            Some(raw) => raw.split(' ').next().unwrap_or_default().to_owned(),
            None => said("method").unwrap_or_else(|| "GET".into()),
        };
        let start = Instant::now();
        let mut kept = None;
        let result = wire::connect(&host, port, wait).and_then(|mut stream| match &raw {
            Some(raw) if truthy(r.get("hang_up")) => {
                std::io::Write::write_all(&mut stream, raw.as_bytes())?;
                Ok(None)
            }
            Some(raw) => {
                // Stays open until the next request: what was pipelined behind may still be under way.
                kept = stream.try_clone().ok();
                wire::exchange(stream, raw.as_bytes(), &method, start).map(Some)
            }
            None => {
                let bytes = prepare(r, &method, &target).bytes(&format!("{host}:{port}"));
                wire::exchange(stream, &bytes, &method, start).map(Some)
            }
        });
        self.kept = kept;
        let what = if raw.is_some() { "raw request".to_owned() } else { format!("{method} {target}") };
        let wanted = expect.get("connection").map(json::text).unwrap_or_else(|| "ok".into());
        let mut message = match result {
            Ok(Some(message)) => message,
            Ok(None) => return Ok(()),
            Err(Broken::Timeout) if wanted == "timeout" => return Ok(()),
            Err(Broken::Timeout) => {
                return Err(Stop::Fail(format!("{what}: no answer within {} s", wait.as_secs_f64())));
            }
            Err(Broken::Closed(_)) if wanted == "closed" || wanted == "error" => return Ok(()),
            Err(Broken::Closed(why)) => return Err(Stop::Fail(format!("{what}: {why}"))),
        };
        if wanted != "ok" {
            return Err(Stop::Fail(format!(
                "{what}: answered {}, expected connection {wanted}",
                message.status
            )));
        }
        if raw.is_some() {
            message.version = "HTTP/1.1".into();
        }
        check::message(&message, expect).map_err(Stop::Fail)?;
        if raw.is_none() {
            self.save(&message, save)?;
        }
        Ok(())
    }

    fn save(&mut self, message: &Message, save: Option<&Value>) -> Result<(), Stop> {
        for (name, how) in members(save) {
            let value = if let Some(header) = how.get("header").map(json::text) {
                wire::values(&message.headers, &header).first().copied().unwrap_or_default().to_owned()
            } else if let Some(path) = how.get("json").map(json::text) {
                let body: Value =
                    serde_json::from_str(&message.text()).map_err(|e| format!("body is not JSON ({e})"))?;
                let found = json::at(&body, &path).ok_or(format!("json path {path} not found"))?;
                json::text(found)
            } else {
                message.text()
            };
            self.vars.insert(name.clone(), value);
        }
        Ok(())
    }

    fn expect_backend(&self, e: &Value) -> Result<(), Stop> {
        let name = e.get("backend").map(json::text).unwrap_or_default();
        let backend = self.backends.get(&name).ok_or_else(|| unknown_backend(&name))?;
        let has = |key: &str| e.get(key).is_some();
        // "At most" is true at once; a little patience lets a request that should not come arrive.
        let nothing_more = e.get("count").and_then(Value::as_u64) == Some(0);
        if nothing_more || (has("max") && !has("min") && !has("count")) {
            sleep(Duration::from_millis(300));
        }
        until(number(e.get("within_s"), 2.0), || backend_problem(&name, &backend.requests(), e))
    }

    fn expect_log(&self, e: &Value) -> Result<(), Stop> {
        let log = || self.server.as_ref().map(super::server::Server::log).unwrap_or_default();
        if let Some(unwanted) = e.get("not_contains") {
            sleep(seconds(number(e.get("within_s"), 1.0)));
            let text = log();
            return match list(Some(unwanted)).into_iter().map(json::text).find(|t| text.contains(t)) {
                Some(t) => Err(Stop::Fail(format!("log contains {t:?}"))),
                None => Ok(()),
            };
        }
        until(number(e.get("within_s"), 10.0), || log_problem(&log(), e))
    }

    /// Written elsewhere and then moved in, so that pollers never see half a file.
    fn put_file(&self, p: &Value) -> Result<(), Stop> {
        let path = p.get("path").map(json::text).unwrap_or_default();
        if let Some(parent) = Path::new(&path).parent() {
            std::fs::create_dir_all(parent)?;
        }
        let part = self.work.join("part");
        std::fs::write(&part, p.get("content").map(json::text).unwrap_or_default())?;
        Ok(std::fs::rename(&part, &path)?)
    }
}

fn unknown_backend(name: &str) -> Stop {
    Stop::Fail(format!("runner: no backend {name}"))
}

fn seconds(n: f64) -> Duration {
    Duration::try_from_secs_f64(n.max(0.0)).unwrap_or_default()
}

/// Waits until there is no problem any more; fails with the last one after `within` seconds.
fn until(within: f64, problem: impl Fn() -> Option<String>) -> Result<(), Stop> {
    let end = Instant::now() + seconds(within);
    loop {
        match problem() {
            None => return Ok(()),
            Some(why) if Instant::now() >= end => return Err(Stop::Fail(why)),
            Some(_) => sleep(LOOK),
        }
    }
}

/// The request that a case describes, an envelope built around its SOAP parts.
fn prepare(r: &Value, method: &str, target: &str) -> Request {
    let mut headers: Headers = Vec::new();
    for (name, value) in members(r.get("headers")) {
        headers.extend(list(Some(value)).into_iter().map(|v| (name.clone(), json::text(v))));
    }
    let mut body = r.get("body").filter(|b| !b.is_null()).map(json::text);
    if let Some(soap) = r.get("soap") {
        body = Some(envelope(soap, &mut headers));
    }
    Request {
        method: method.to_owned(),
        target: target.to_owned(),
        http_10: r.get("http_version").map(json::text).as_deref() == Some("1.0"),
        headers,
        body: body.map(String::into_bytes),
        chunked: truthy(r.get("chunked")),
    }
}

fn envelope(soap: &Value, headers: &mut Headers) -> String {
    let said = |key: &str| soap.get(key).map(json::text).unwrap_or_default();
    let is_12 = said("version") == "1.2";
    let mut default = |name: &str, value: String| {
        if !headers.iter().any(|(k, _)| k == name) {
            headers.push((name.to_owned(), value));
        }
    };
    let action = said("action");
    if is_12 {
        let parameter = if action.is_empty() { String::new() } else { format!("; action=\"{action}\"") };
        default("Content-Type", format!("application/soap+xml; charset=UTF-8{parameter}"));
    } else {
        default("Content-Type", "text/xml; charset=UTF-8".into());
        default("SOAPAction", format!("\"{action}\""));
    }
    let header = match said("header") {
        h if h.is_empty() => h,
        h => format!("<soapenv:Header>{h}</soapenv:Header>"),
    };
    let space = if is_12 { SOAP12 } else { SOAP11 };
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><soapenv:Envelope xmlns:soapenv=\"{space}\">{header}\
         <soapenv:Body>{}</soapenv:Body></soapenv:Envelope>",
        said("body")
    )
}

fn backend_problem(name: &str, got: &[Received], e: &Value) -> Option<String> {
    let n = got.len() as u64;
    let bound = |key: &str| e.get(key).and_then(Value::as_u64);
    let wrong =
        |what: &str, want: u64| Some(format!("backend {name} got {n} requests, expected {what}{want}"));
    if let Some(want) = bound("count").filter(|w| n != *w) {
        return wrong("", want);
    }
    if let Some(want) = bound("min").filter(|w| n < *w) {
        return wrong("at least ", want);
    }
    if let Some(want) = bound("max").filter(|w| n > *w) {
        return wrong("at most ", want);
    }
    let want = e.get("request")?;
    let picked = match e.get("which").map(json::text).as_deref() {
        Some("any") => got,
        Some("first") => got.get(..1).unwrap_or_default(),
        _ => got.get(got.len().saturating_sub(1)..).unwrap_or_default(),
    };
    let mut why = format!("backend {name} got no request");
    for request in picked {
        match request_fits(request, want) {
            Ok(()) => return None,
            Err(reason) => why = format!("backend {name}: {reason}"),
        }
    }
    Some(why)
}

fn request_fits(q: &Received, want: &Value) -> Result<(), String> {
    let said = |key: &str| want.get(key).map(json::text);
    let plain = |key: &str, got: &str| match said(key).filter(|w| w != got) {
        Some(w) => Err(format!("{key} {got}, expected {w}")),
        None => Ok(()),
    };
    plain("method", &q.method)?;
    plain("path", q.path())?;
    if let Some(p) = said("path_matches")
        && !full(&p, q.path())?
    {
        return Err(format!("path {} does not match {p}", q.path()));
    }
    match want.get("target") {
        Some(conditions @ Value::Object(_)) => {
            check::text(&q.target, conditions).map_err(|why| format!("request target: {why}"))?;
        }
        Some(_) => plain("target", &q.target)?,
        None => {}
    }
    plain("http_version", &q.version)?;
    check::headers(&q.headers, want.get("headers"))?;
    check::content(&q.message(), want)
}

fn log_problem(log: &str, e: &Value) -> Option<String> {
    let mut why = None;
    let count = e.get("count").and_then(Value::as_u64);
    for t in list(e.get("contains")).into_iter().map(json::text) {
        let n = log.matches(&t).count() as u64;
        if n == 0 || count.is_some_and(|c| c != n) {
            let expected = count.map(|c| format!(", expected {c}")).unwrap_or_default();
            why = Some(format!("log has {t:?} {n} times{expected}"));
        }
    }
    let mut rest = log;
    for t in list(e.get("in_order")).into_iter().map(json::text) {
        match rest.split_once(&t) {
            Some((_, after)) => rest = after,
            None => {
                let order = if log.contains(&t) { " in that order" } else { "" };
                return Some(format!("log lacks {t:?}{order}"));
            }
        }
    }
    why
}

fn expect_file(e: &Value) -> Result<(), Stop> {
    let path = e.get("path").map(json::text).unwrap_or_default();
    until(number(e.get("within_s"), 15.0), || file_problem(&path, e))
}

fn file_problem(path: &str, e: &Value) -> Option<String> {
    let found = glob_paths(path);
    if truthy(e.get("absent")) {
        return (!found.is_empty()).then(|| format!("{path} is still there"));
    }
    let Some(first) = found.first() else { return Some(format!("{path} does not exist")) };
    if let Some(want) = e.get("count").and_then(Value::as_u64) {
        let n = found.len() as u64;
        if n != want {
            return Some(format!("{n} files, expected {want}"));
        }
    }
    let want = e.get("body")?;
    let text = std::fs::read(first).map(|b| String::from_utf8_lossy(&b).into_owned()).unwrap_or_default();
    check::text(&text, want).err()
}
