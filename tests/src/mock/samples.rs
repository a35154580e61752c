//! The sample services that public tests start beside the server: stock quotes and the service
//! behind load balancing tests. Shapes and fault texts are those of the originals; numbers are
//! steady and depend on a counter only.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::answer::Answer;
use super::{Received, Shared, locked};
use crate::wire::values;
use crate::xml::{self, Id, ROOT, SOAP11, SOAP12, Tree, escape, local, namespace};

const WSA: [&str; 2] =
    ["http://www.w3.org/2005/08/addressing", "http://schemas.xmlsoap.org/ws/2004/08/addressing"];
const OPERATIONS: [&str; 5] =
    ["getQuote", "getSimpleQuote", "getFullQuote", "getMarketActivity", "placeOrder"];
const XSI: &str =
    " xmlns:ax21=\"http://services.samples/xsd\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"";

#[derive(Clone, Copy, PartialEq)]
enum Form {
    Soap11,
    Soap12,
    /// Bare XML in, bare XML out.
    Plain,
}

/// A request as these services see it.
struct Asked {
    form: Form,
    action: String,
    tree: Option<Tree>,
    /// The first element of the SOAP body, or the root of bare XML.
    first: Option<Id>,
}

impl Asked {
    fn read(request: &Received) -> Asked {
        let content_type = values(&request.headers, "Content-Type").first().copied().unwrap_or_default();
        let header = values(&request.headers, "SOAPAction").first().copied().unwrap_or_default();
        let mut action = header.trim().trim_matches('"').to_owned();
        if let Some((_, rest)) = content_type.split_once("action=").filter(|_| action.is_empty()) {
            let rest = rest.trim_start_matches('"');
            action = rest.split(['"', ';']).next().unwrap_or_default().to_owned();
        }
        let tree = Tree::from_bytes(&request.body).ok().filter(|_| !request.body.trim_ascii().is_empty());
        let Some(tree) = tree else { return Asked { form: Form::Soap11, action, tree: None, first: None } };
        let tag = tree.node(ROOT).tag.clone();
        let form = match (local(&tag), namespace(&tag)) {
            ("Envelope", SOAP12) => Form::Soap12,
            ("Envelope", SOAP11) => Form::Soap11,
            _ => return Asked { form: Form::Plain, action, tree: Some(tree), first: Some(ROOT) },
        };
        for id in tree.descend(ROOT) {
            let node = tree.node(id);
            let addressing = local(&node.tag) == "Action" && WSA.contains(&namespace(&node.tag));
            if addressing && !node.text.trim().is_empty() {
                action = node.text.trim().to_owned();
            }
        }
        let first = tree.child(ROOT, "Body").and_then(|b| tree.node(b).children.first().copied());
        Asked { form, action, tree: Some(tree), first }
    }

    fn operation(&self, known: &[&str]) -> String {
        let last = self.action.rsplit([':', '/', '#']).next().unwrap_or_default();
        match (&self.tree, self.first) {
            _ if known.contains(&last) => last.to_owned(),
            (Some(tree), Some(first)) => local(&tree.node(first).tag).to_owned(),
            _ => String::new(),
        }
    }

    fn answer(&self, inner: &str) -> Answer {
        reply(self.form, inner, 200)
    }

    fn fault(&self, reason: &str, by_sender: bool) -> Answer {
        let reason = escape(reason);
        let inner = match (self.form, by_sender) {
            (Form::Soap12, _) => format!(
                "<soapenv:Fault><soapenv:Code><soapenv:Value>soapenv:{}</soapenv:Value></soapenv:Code>\
                 <soapenv:Reason><soapenv:Text xml:lang=\"en-US\">{reason}</soapenv:Text></soapenv:Reason>\
                 <soapenv:Detail/></soapenv:Fault>",
                if by_sender { "Sender" } else { "Receiver" }
            ),
            _ => format!(
                "<soapenv:Fault><faultcode>soapenv:{}</faultcode><faultstring>{reason}</faultstring><detail/>\
                 </soapenv:Fault>",
                if by_sender { "Client" } else { "Server" }
            ),
        };
        let form = if self.form == Form::Plain { Form::Soap11 } else { self.form };
        reply(form, &inner, 500)
    }
}

fn reply(form: Form, inner: &str, status: u16) -> Answer {
    let declared = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>";
    let (space, content_type) = match form {
        Form::Plain => {
            return Answer::text(status, "application/xml; charset=UTF-8", format!("{declared}{inner}"));
        }
        Form::Soap11 => (SOAP11, "text/xml; charset=UTF-8"),
        Form::Soap12 => (SOAP12, "application/soap+xml; charset=UTF-8"),
    };
    let envelope = format!(
        "{declared}<soapenv:Envelope xmlns:soapenv=\"{space}\"><soapenv:Body>{inner}</soapenv:Body></soapenv:Envelope>"
    );
    Answer::text(status, content_type, envelope)
}

impl Shared {
    /// `SimpleStockQuoteService` and its siblings.
    pub(super) fn stockquote(&self, request: &Received) -> Answer {
        let query = request.target.split_once('?').map(|(_, q)| q.to_lowercase()).unwrap_or_default();
        if request.method == "GET" && query.contains("wsdl") {
            let stub = "<wsdl:definitions xmlns:wsdl=\"http://schemas.xmlsoap.org/wsdl/\" \
                        targetNamespace=\"http://services.samples\"/>";
            return Answer::text(200, "text/xml", stub);
        }
        let asked = Asked::read(request);
        let operation = asked.operation(&OPERATIONS);
        let known = is_stock_service(request.path()) && OPERATIONS.contains(&operation.as_str());
        if !known || (asked.first.is_none() && operation != "getMarketActivity") {
            let action = if asked.action.is_empty() { "null" } else { &asked.action };
            let text = format!(
                "The endpoint reference (EPR) for the Operation not found is {} and the WSA Action = {action}.",
                request.path()
            );
            return asked.fault(&text, true);
        }
        self.stock_operation(&asked, &operation)
    }

    fn stock_operation(&self, asked: &Asked, operation: &str) -> Answer {
        if operation == "placeOrder" {
            return Answer::text(202, "text/xml; charset=UTF-8", "");
        }
        let empty = Tree { nodes: Vec::new() };
        let (tree, first) = match (&asked.tree, asked.first) {
            (Some(tree), Some(first)) => (tree, Some(first)),
            _ => (&empty, None),
        };
        let texts = |names: &[&str]| -> Vec<String> {
            let all = first.map(|f| tree.descend(f)).unwrap_or_default();
            let named = all.into_iter().filter(|id| names.contains(&local(&tree.node(*id).tag)));
            named.map(|id| tree.node(id).text.clone()).collect()
        };
        let wrap = |name: &str, inner: &str| {
            asked.answer(&format!("<ns:{name} xmlns:ns=\"http://services.samples\"{XSI}>{inner}</ns:{name}>"))
        };
        match operation {
            "getSimpleQuote" => {
                let symbol = texts(&["symbol"]).into_iter().next().unwrap_or_default();
                return wrap("getSimpleQuoteResponse", &self.quote(&symbol, "ns:return"));
            }
            "getMarketActivity" => {
                let quotes: String =
                    texts(&["symbols", "symbol"]).iter().map(|s| self.quote(s, "ax21:quotes")).collect();
                let inner =
                    format!("<ns:return xsi:type=\"ax21:GetMarketActivityResponse\">{quotes}</ns:return>");
                return wrap("getMarketActivityResponse", &inner);
            }
            _ => {}
        }
        let Some(order) = first.and_then(|f| tree.first(f, "request")) else {
            return asked.fault("Data element of the OM Node is NULL", false);
        };
        let symbol = match tree.first(order, "symbol") {
            Some(id) => tree.inner_text(id),
            None => tree.node(order).text.trim().to_owned(),
        };
        if symbol == "ERR" {
            return asked.fault("Invalid stock symbol : ERR", false);
        }
        if operation == "getFullQuote" {
            let days: String = (0..365)
                .map(|day| {
                    let quote = self.quote(&symbol, "ax21:quote");
                    format!(
                        "<ax21:tradeHistory xsi:type=\"ax21:TradingDay\"><ax21:day>{day}</ax21:day>{quote}\
                         </ax21:tradeHistory>"
                    )
                })
                .collect();
            let inner = format!("<ns:return xsi:type=\"ax21:GetFullQuoteResponse\">{days}</ns:return>");
            return wrap("getFullQuoteResponse", &inner);
        }
        wrap("getQuoteResponse", &self.quote(&symbol, "ns:return"))
    }

    /// One quote element; every number moves with the counter.
    fn quote(&self, symbol: &str, tag: &str) -> String {
        let n = {
            let mut counter = locked(&self.counter);
            *counter += 1;
            *counter as f64
        };
        let symbol = escape(symbol);
        let s = civil(SystemTime::now());
        let stamp = format!(
            "{} {} {:02} {:02}:{:02}:{:02} UTC {}",
            s.weekday, s.month, s.day, s.hour, s.minute, s.second, s.year
        );
        let number = |start: f64, step: f64| format!("{:?}", start + n * step);
        let parts = [
            ("change", number(-2.5, -0.001)),
            ("earnings", number(12.25, 0.001)),
            ("high", number(-85.5, -0.01)),
            ("last", number(85.75, 0.01)),
            ("lastTradeTimestamp", stamp),
            ("low", number(88.25, 0.01)),
            ("marketCap", number(5.123_456_7e7, 1.0)),
            ("name", format!("{symbol} Company")),
            ("open", number(-84.5, -0.01)),
            ("peRatio", number(24.5, 0.001)),
            ("percentageChange", number(-2.75, -0.001)),
            ("prevClose", number(93.5, 0.001)),
            ("symbol", symbol.clone()),
            ("volume", format!("{}", 8000.0 + n)),
        ];
        let inner: String = parts.iter().map(|(k, v)| format!("<ax21:{k}>{v}</ax21:{k}>")).collect();
        format!("<{tag} xsi:type=\"ax21:GetQuoteResponse\">{inner}</{tag}>")
    }
}

fn is_stock_service(path: &str) -> bool {
    let parts: Vec<&str> = path.trim_end_matches('/').split('/').collect();
    let names = ["SimpleStockQuoteService", "ReliableStockQuoteService", "SecureStockQuoteService"];
    // A sibling with a 1 at its end is unknown on purpose, wherever it stands in the path.
    parts.get(1) == Some(&"services")
        && parts.get(2).is_some_and(|n| names.contains(n) || *n == "SimpleStockQuoteService1")
        && parts.last() != Some(&"SimpleStockQuoteService1")
}

/// `LBService1` and its siblings: the request element comes back with the server's name in it.
pub(super) fn lbservice(server: &str, request: &Received) -> Answer {
    let mut asked = Asked::read(request);
    let who = format!("Response from server: {server}");
    let operation = asked.operation(&["sampleOperation", "sleepOperation", "loadOperation", "setClientName"]);
    let (Some(mut tree), Some(first)) = (asked.tree.take(), asked.first) else {
        return asked.fault("The endpoint reference (EPR) for the Operation not found", true);
    };
    let mut delay = Duration::ZERO;
    if ["sleepOperation", "loadOperation"].contains(&operation.as_str()) {
        let Some(load) = tree.child(first, "load") else { return asked.fault("load element missing", false) };
        if operation == "sleepOperation" {
            delay = Duration::from_millis(tree.node(load).text.trim().parse().unwrap_or(0));
        }
        tree.nodes[load].text = who;
    } else {
        tree.nodes[first].children.clear();
        tree.nodes[first].text = who;
    }
    let mut answer = asked.answer(&xml::Tree::write(&tree, first));
    answer.delay = delay;
    answer
}

/// A moment as calendar parts in UTC.
pub(crate) struct Civil {
    pub(crate) weekday: &'static str,
    pub(crate) day: i64,
    pub(crate) month: &'static str,
    pub(crate) year: i64,
    pub(crate) hour: u64,
    pub(crate) minute: u64,
    pub(crate) second: u64,
}

/// Days since the epoch to a date, by the usual era arithmetic (eras of 400 years from March).
pub(crate) fn civil(now: SystemTime) -> Civil {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] =
        ["Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec", "Jan", "Feb"];
    let seconds = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let days = i64::try_from(seconds / 86_400).unwrap_or_default();
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    Civil {
        weekday: DAYS[usize::try_from(days.rem_euclid(7)).unwrap_or_default()],
        day: day_of_year - (153 * month + 2) / 5 + 1,
        month: MONTHS[usize::try_from(month).unwrap_or_default().min(11)],
        year: year_of_era + era * 400 + i64::from(month >= 10),
        hour: seconds / 3600 % 24,
        minute: seconds / 60 % 60,
        second: seconds % 60,
    }
}
