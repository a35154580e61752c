//! The functions of `${...}`.

use super::texts;
use super::value::{Res, java_f64};
use super::{Node, Outcome, Run, Stop, warn};
use crate::eval::dates::{self, Pattern};
use crate::eval::decimal::Decimal;
use crate::eval::functions::codec;
use crate::eval::xpath_expr::{XPathExpr, node_list};
use crate::message::{Json, Value};
use crate::program::Resource;

macro_rules! functions {
    ($($variant:ident = $name:literal),* $(,)?) => {
        /// A function by name.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Function { $($variant),* }

        impl Function {
            pub(super) fn from_name(name: &str) -> Option<Self> {
                Some(match name {
                    $($name => Self::$variant,)*
                    _ => return None,
                })
            }

            fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }
        }
    };
}

functions! {
    Length = "length",
    ToUpper = "toUpper",
    ToLower = "toLower",
    SubString = "subString",
    StartsWith = "startsWith",
    EndsWith = "endsWith",
    Contains = "contains",
    Trim = "trim",
    Replace = "replace",
    Split = "split",
    IndexOf = "indexOf",
    Now = "now",
    FormatDateTime = "formatDateTime",
    CharAt = "charAt",
    Abs = "abs",
    Ceil = "ceil",
    Floor = "floor",
    Sqrt = "sqrt",
    Log = "log",
    Pow = "pow",
    Base64Encode = "base64encode",
    Base64Decode = "base64decode",
    UrlEncode = "urlEncode",
    UrlDecode = "urlDecode",
    IsString = "isString",
    IsNumber = "isNumber",
    IsArray = "isArray",
    IsObject = "isObject",
    Text = "string",
    Float = "float",
    Boolean = "boolean",
    Integer = "integer",
    Round = "round",
    Exists = "exists",
    XPath = "xpath",
    Vault = "wso2-vault",
    HashicorpVault = "hashicorp-vault",
    Not = "not",
    Registry = "registry",
    Object = "object",
    Array = "array",
}

impl Run<'_> {
    /// Calls a function; `None` is null.
    pub(super) fn call(&self, function: Function, arguments: &[Node]) -> Outcome<Option<Res>> {
        if function == Function::Exists && arguments.len() == 1 {
            return Ok(Some(Res::Bool(match self.evaluate(&arguments[0]) {
                Ok(value) => value.is_some(),
                Err(Stop::Warn(_)) => false,
                Err(escape) => return Err(escape),
            })));
        }
        if arguments.len() > 3 {
            return wrong_count(function, arguments.len());
        }
        let mut values = Vec::with_capacity(arguments.len());
        for argument in arguments {
            values.push(self.evaluate(argument)?);
        }
        let values: Option<Vec<Res>> = values.into_iter().collect();
        let Some(values) = values else { return warn(format!("null as argument of {}()", function.name())) };
        match values.as_slice() {
            [] if function == Function::Now => Ok(Some(Res::Long(dates::now_millis()))),
            [] => wrong_count(function, 0),
            [a] => self.one(function, a),
            [a, b] => self.two(function, a, b),
            [a, b, c] => three(function, a, b, c).map(Some),
            _ => wrong_count(function, values.len()),
        }
    }

    fn one(&self, function: Function, a: &Res) -> Outcome<Option<Res>> {
        use Function as F;
        Ok(Some(match function {
            F::Length => texts::length(a)?,
            F::ToUpper => texts::change_case(a, str::to_uppercase, "toUpper")?,
            F::ToLower => texts::change_case(a, str::to_lowercase, "toLower")?,
            F::Trim => texts::trim(a)?,
            F::Abs => number(a, i32::wrapping_abs, f64::abs, "abs")?,
            F::Ceil => number(a, |value| value, f64::ceil, "ceil")?,
            F::Floor => number(a, |value| value, f64::floor, "floor")?,
            F::Round if a.is_double() => Res::Int((a.as_f64()? + 0.5).floor() as i64 as i32),
            F::Round if a.is_int() => Res::Int(a.as_i32()?),
            F::Round => return warn("round() needs an integer or a double"),
            F::Sqrt => Res::Double(plain_number(a, "sqrt")?.sqrt()),
            F::Log => Res::Double(plain_number(a, "log")?.log10()),
            F::Base64Encode => Res::text(codec::base64(texts::text(a, "base64encode")?.as_bytes())),
            F::Base64Decode => base64_decode(a)?,
            F::UrlEncode => Res::text(url_encode(&texts::text(a, "urlEncode")?, "UTF-8")?),
            F::UrlDecode => {
                let text = texts::text(a, "urlDecode")?;
                let decoded = codec::form_decode(&text);
                Res::text(decoded.ok_or_else(|| Stop::escape(format!("'{text}' cannot be URL-decoded")))?)
            }
            F::IsString => Res::Bool(a.is_text()),
            F::IsNumber => Res::Bool(a.is_int() || a.is_double()),
            F::IsArray => Res::Bool(a.as_container(is_array).is_some()),
            F::IsObject => Res::Bool(a.as_container(is_object).is_some()),
            F::Text => Res::text(&*a.as_text()?),
            F::Integer => integer(a)?,
            F::Float => float(a)?,
            F::Boolean => match a.as_bool() {
                Some(value) => Res::Bool(value),
                None => Res::Bool(a.as_text()?.eq_ignore_ascii_case("true")),
            },
            F::Not => match a.as_bool() {
                Some(value) => Res::Bool(!value),
                None => return warn("not() needs a boolean"),
            },
            F::Object => container(a, is_object, "object")?,
            F::Array => container(a, is_array, "array")?,
            F::Registry => self.registry(a)?,
            F::XPath => return self.xpath_text(&a.as_text()?),
            F::Vault => return warn("no secret is known by that alias"),
            _ => return wrong_count(function, 1),
        }))
    }

    fn two(&self, function: Function, a: &Res, b: &Res) -> Outcome<Option<Res>> {
        use Function as F;
        Ok(Some(match function {
            F::SubString => texts::sub_string(a, b, None)?,
            F::StartsWith => texts::test(a, b, |a, b| a.starts_with(b), "startsWith")?,
            F::EndsWith => texts::test(a, b, |a, b| a.ends_with(b), "endsWith")?,
            F::Contains => texts::test(a, b, |a, b| a.contains(b), "contains")?,
            F::Split => texts::split(a, b)?,
            F::IndexOf => texts::index_of(a, b, None)?,
            F::CharAt => texts::char_at(a, b)?,
            F::Pow => power(plain_number(a, "pow")?, plain_number(b, "pow")?),
            F::Log => Res::Double(plain_number(a, "log")?.ln() / plain_number(b, "log")?.ln()),
            F::Round => round(a, b)?,
            F::Base64Encode => {
                let (text, charset) = (texts::text(a, "base64encode")?, texts::text(b, "base64encode")?);
                Res::text(codec::base64(&encoded(&text, &charset)?))
            }
            F::UrlEncode => {
                let (text, charset) = (texts::text(a, "urlEncode")?, texts::text(b, "urlEncode")?);
                encoded("", &charset)?;
                Res::text(url_encode(&text, &charset)?)
            }
            F::FormatDateTime => format_millis(a, b)?,
            F::Registry => self.registry_property(a, b)?,
            F::XPath => return self.xpath_on_variable(&a.as_text()?, &b.as_text()?),
            F::HashicorpVault => return warn("no vault is configured"),
            _ => return wrong_count(function, 2),
        }))
    }

    fn registry(&self, key: &Res) -> Outcome<Res> {
        let key = texts::text(key, "registry")?;
        Ok(Res::text(match self.cx.program.registry.resource(&key) {
            Some(Resource::Text(text)) => text.to_string(),
            Some(Resource::Xml(element)) => element.get().to_xml(),
            Some(Resource::Binary(bytes)) => String::from_utf8_lossy(&bytes).into_owned(),
            None => return warn(format!("Could not find the registry resource: {key}")),
        }))
    }

    fn registry_property(&self, key: &Res, name: &Res) -> Outcome<Res> {
        if !name.is_text() {
            return self.registry(key);
        }
        let (key, name) = (texts::text(key, "registry")?, name.as_text()?);
        match self.cx.program.registry.property(&key, &name) {
            Some(value) => Ok(Res::text(value)),
            None => warn(format!("Could not find the property: {name} in the registry resource: {key}")),
        }
    }

    fn xpath_text(&self, text: &str) -> Outcome<Option<Res>> {
        match XPathExpr::compile(text, self.prefixes) {
            Ok(xpath) => self.xpath(&xpath),
            Err(error) => warn(format!("Invalid XPATH expression : {text}: {error}")),
        }
    }

    /// XPath over an XML variable; `name.key` is a value of a map.
    fn xpath_on_variable(&self, text: &str, name: &str) -> Outcome<Option<Res>> {
        if name.is_empty() {
            return warn("Invalid variable name provided for XPATH function");
        }
        let Some((base, key)) = name.split_once('.') else {
            return self.xpath_text(&format!("$var:{name}{text}"));
        };
        let Some(variable) = self.message.variables.get(base) else {
            return warn(format!("Variable '{base}' is not defined"));
        };
        let Some(Value::Xml(element)) = variable.entry(key) else {
            return warn(format!("Field '{key}' of variable '{base}' is not an XML element"));
        };
        let xpath = match XPathExpr::compile(text, self.prefixes) {
            Ok(xpath) => xpath,
            Err(error) => return warn(format!("Invalid XPATH expression : {text}: {error}")),
        };
        let node = crate::eval::xpath::Node::new(element.document(), element.id());
        match xpath.query.evaluate(&crate::eval::xpath::NoScope, node) {
            Ok(value) if self.object => {
                let items = node_list(&value, &self.message.payload.envelope()).unwrap_or_default();
                Ok(Some(Res::Xml(Value::Nodes(items.into()))))
            }
            Ok(value) => Ok(xpath.query.synapse_text(&value).map(Res::text)),
            Err(error) => Err(Stop::escape(error.0)),
        }
    }
}

fn three(function: Function, a: &Res, b: &Res, c: &Res) -> Outcome<Res> {
    match function {
        Function::SubString => texts::sub_string(a, b, Some(c)),
        Function::Replace => texts::replace(a, b, c),
        Function::IndexOf => texts::index_of(a, b, Some(c)),
        Function::FormatDateTime => format_text(a, b, c),
        Function::HashicorpVault => warn("no vault is configured"),
        _ => wrong_count(function, 3),
    }
}

fn wrong_count<T>(function: Function, count: usize) -> Outcome<T> {
    warn(format!("{}() does not take {count} arguments", function.name()))
}

fn is_array(json: &Json) -> bool {
    matches!(json, Json::Array(_))
}

fn is_object(json: &Json) -> bool {
    matches!(json, Json::Object(_))
}

fn container(value: &Res, wanted: fn(&Json) -> bool, name: &str) -> Outcome<Res> {
    match value.as_container(wanted) {
        Some(json) => Ok(Res::Json(json)),
        None => warn(format!("{name}(): the argument is no JSON {name}")),
    }
}

fn number(value: &Res, int: fn(i32) -> i32, double: fn(f64) -> f64, name: &str) -> Outcome<Res> {
    if value.is_int() {
        return Ok(Res::Int(int(value.as_i32()?)));
    }
    if value.is_double() {
        return Ok(Res::Double(double(value.as_f64()?)));
    }
    warn(format!("{name}() needs an integer or a double"))
}

fn plain_number(value: &Res, name: &str) -> Outcome<f64> {
    if value.is_int() || value.is_double() {
        return value.as_f64();
    }
    warn(format!("{name}() needs an integer or a double"))
}

/// `Math.pow`: unlike here, a power of NaN or an infinite power of one is NaN.
fn power(base: f64, exponent: f64) -> Res {
    let undefined = exponent.is_nan() || (exponent.is_infinite() && base.abs() == 1.0);
    Res::Double(if undefined { f64::NAN } else { base.powf(exponent) })
}

fn round(value: &Res, places: &Res) -> Outcome<Res> {
    if value.is_double() && places.is_int() && places.as_i32()? > 0 {
        let double = value.as_f64()?;
        let rounded = Decimal::from_f64(double).and_then(|d| d.rounded(i64::from(places.as_i32().ok()?)));
        return match rounded {
            Some(decimal) => Ok(Res::Double(decimal.to_f64())),
            None => Err(Stop::escape("no decimal number")),
        };
    }
    if value.is_int() || value.is_long() {
        return Ok(value.clone());
    }
    warn("round() needs a number and a positive number of places")
}

fn integer(value: &Res) -> Outcome<Res> {
    if value.is_int() {
        return Ok(Res::Int(value.as_i32()?));
    }
    match value.as_text()?.parse::<i32>() {
        Ok(number) => Ok(Res::Int(number)),
        Err(_) => warn("integer(): the text is no integer"),
    }
}

fn float(value: &Res) -> Outcome<Res> {
    if value.is_double() {
        return Ok(Res::Double(value.as_f64()?));
    }
    match java_f64(&value.as_text()?) {
        Some(number) => Ok(Res::Double(number)),
        None => warn("float(): the text is no number"),
    }
}

fn base64_decode(value: &Res) -> Outcome<Res> {
    let text = texts::text(value, "base64decode")?;
    match codec::strict_base64(&text) {
        Some(bytes) => Ok(Res::text(String::from_utf8_lossy(&bytes).into_owned())),
        None => Err(Stop::escape(format!("'{text}' is no base64"))),
    }
}

/// Bytes in a character set. An unknown one is a warning, an impossible name escapes.
fn encoded(text: &str, charset: &str) -> Outcome<Vec<u8>> {
    let legal = charset.starts_with(|c: char| c.is_ascii_alphanumeric())
        && charset.bytes().all(|b| b.is_ascii_alphanumeric() || b"-+.:_".contains(&b));
    match codec::encode(text, charset) {
        Some(bytes) => Ok(bytes),
        None if legal => warn(format!("Invalid charset provided: {charset}")),
        None => Err(Stop::escape(format!("illegal charset name '{charset}'"))),
    }
}

fn url_encode(text: &str, charset: &str) -> Outcome<String> {
    match codec::form_encode(text, charset) {
        Some(encoded) if charset == "UTF-8" => Ok(encoded.replace('+', "%20").replace('*', "%2A")),
        Some(encoded) => Ok(encoded),
        None => warn(format!("Invalid charset provided: {charset}")),
    }
}

fn format_millis(millis: &Res, pattern: &Res) -> Outcome<Res> {
    if !pattern.is_text() || !millis.is_number() {
        return warn("formatDateTime() needs milliseconds and a pattern");
    }
    let text = pattern.as_text()?;
    let pattern = Pattern::compile(&text).map_err(|error| Stop::escape(error.0))?;
    match dates::local(millis.as_i64()?).and_then(|moment| pattern.format(moment)) {
        Some(formatted) => Ok(Res::text(formatted)),
        None => warn(format!("Invalid date format provided for formatDateTime function. Format: {text}")),
    }
}

fn format_text(source: &Res, from: &Res, to: &Res) -> Outcome<Res> {
    let (source, from) = (texts::text(source, "formatDateTime")?, texts::text(from, "formatDateTime")?);
    let to = texts::text(to, "formatDateTime")?;
    let Ok(target) = Pattern::compile(&to) else {
        return warn(format!("Invalid target format provided for formatDateTime function. Format: {to}"));
    };
    let moment = Pattern::compile(&from).ok().and_then(|pattern| pattern.parse(&source));
    let formatted = moment.and_then(|moment| {
        // Date and time, else only the date, else only the time.
        let date = dates::Moment { time: None, ..moment };
        let time = dates::Moment { date: None, ..moment };
        let whole = moment.date.and(moment.time).and_then(|_| target.format(moment));
        whole
            .or_else(|| moment.date.and_then(|_| target.format(date)))
            .or_else(|| moment.time.and_then(|_| target.format(time)))
    });
    match formatted {
        Some(text) => Ok(Res::text(text)),
        None => warn(format!("Invalid date/time or source format: {source}, {from}")),
    }
}
