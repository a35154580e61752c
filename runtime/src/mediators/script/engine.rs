//! QuickJS: one runtime for each thread, one fresh context for each script.

use super::host::{Arg, Host, Out};
use super::pool::ScriptResult;
use crate::message::Value as Native;
use rquickjs::context::EvalOptions;
use rquickjs::function::Rest;
use rquickjs::{Array, CatchResultExt as _, Context, Ctx, Exception, Function, Object, Runtime, Value};
use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::time::{Duration, Instant};

const PRELUDE: &str = include_str!("prelude.js");
/// Bytes that one script may use.
const MEMORY: usize = 256 * 1024 * 1024;
/// Stack that one script may use.
const STACK: usize = 1024 * 1024;
/// How long a script may compute; sleeping does not count.
const TIME: Duration = Duration::from_secs(60);
/// Longest sleep.
const SLEEP: Duration = Duration::from_secs(600);

/// What to run.
#[derive(Debug)]
pub(super) struct Call {
    /// Evaluated in order.
    pub(super) texts: Vec<Arc<str>>,
    /// Then called, with `mc` and these arguments; without a function the value of the last text counts.
    pub(super) function: Option<(Arc<str>, Vec<Option<Native>>)>,
}

thread_local! {
    /// The message that the running script works on: native functions have no other way to reach it.
    static HOST: RefCell<Option<Host>> = const { RefCell::new(None) };
    static DEADLINE: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// A runtime, made when it is first needed and after one that may be damaged.
#[derive(Default)]
pub(super) struct Engine {
    runtime: Option<Runtime>,
}

impl Engine {
    /// Runs a call on a message, which comes back with what the script did to it.
    pub(super) fn run(&mut self, call: &Call, host: Host) -> (Host, ScriptResult) {
        HOST.with(|slot| slot.replace(Some(host)));
        let result = self.evaluate(call);
        if result.is_err() {
            // After the memory limit not even a new context works in the same runtime.
            self.runtime = None;
        }
        let host = HOST.with(|slot| slot.take());
        (host.unwrap_or_default(), result)
    }

    fn evaluate(&mut self, call: &Call) -> ScriptResult {
        let context = self.context()?;
        DEADLINE.with(|deadline| deadline.set(Some(Instant::now() + TIME)));
        context.with(|ctx| {
            let value = evaluate(&ctx, call).catch(&ctx).map_err(|error| error.to_string())?;
            let arg = arg(&ctx, value).catch(&ctx).map_err(|error| error.to_string())?;
            HOST.with(|slot| slot.borrow_mut().as_mut().map_or(Ok(None), |host| host.native(arg)))
        })
    }

    fn context(&mut self) -> Result<Context, String> {
        let runtime = match &self.runtime {
            Some(runtime) => runtime,
            None => self.runtime.insert(runtime()?),
        };
        Context::full(runtime).map_err(|error| format!("no script context: {error}"))
    }
}

fn runtime() -> Result<Runtime, String> {
    let runtime = Runtime::new().map_err(|error| format!("no script runtime: {error}"))?;
    runtime.set_memory_limit(MEMORY);
    runtime.set_max_stack_size(STACK);
    runtime.set_interrupt_handler(Some(Box::new(|| {
        DEADLINE.with(|deadline| deadline.get().is_some_and(|end| Instant::now() > end))
    })));
    Ok(runtime)
}

/// Is the text JavaScript? Nothing of it is run: the statement in front ends it.
pub(super) fn check(text: &str) -> Result<(), String> {
    let context = Context::full(&runtime()?).map_err(|error| error.to_string())?;
    DEADLINE.with(|deadline| deadline.set(Some(Instant::now() + TIME)));
    context.with(|ctx| {
        let outcome = ctx.eval_with_options::<Value<'_>, _>(format!("throw 0;{text}\n"), sloppy());
        if outcome.is_ok() {
            return Ok(());
        }
        let thrown = ctx.catch();
        match thrown.as_exception() {
            Some(exception) => Err(exception.message().unwrap_or_else(|| "a syntax error".to_owned())),
            None => Ok(()),
        }
    })
}

/// Scripts assign to names that they never declare.
fn sloppy() -> EvalOptions {
    let mut options = EvalOptions::default();
    options.strict = false;
    options
}

fn evaluate<'js>(ctx: &Ctx<'js>, call: &Call) -> rquickjs::Result<Value<'js>> {
    ctx.globals().set("__call", Function::new(ctx.clone(), native)?)?;
    ctx.eval::<(), _>(PRELUDE)?;
    let mut value = Value::new_undefined(ctx.clone());
    for text in &call.texts {
        value = ctx.eval_with_options(text.as_bytes(), sloppy())?;
    }
    let Some((name, arguments)) = &call.function else { return Ok(value) };
    let globals = ctx.globals();
    let function: Option<Function<'js>> = globals.get(&**name)?;
    let function =
        function.ok_or_else(|| Exception::throw_reference(ctx, &format!("there is no function '{name}'")))?;
    let mut given = vec![globals.get::<_, Value<'js>>("mc")?];
    for argument in arguments {
        given.push(native_value(ctx, argument.as_ref())?);
    }
    function.call((Rest(given),))
}

/// `__call(operation, ...arguments)`.
#[allow(clippy::needless_pass_by_value)] // The engine hands values over.
fn native<'js>(ctx: Ctx<'js>, operation: String, given: Rest<Value<'js>>) -> rquickjs::Result<Value<'js>> {
    let mut arguments = Vec::with_capacity(given.0.len());
    for value in given.0 {
        arguments.push(arg(&ctx, value)?);
    }
    if operation == "sleep" {
        sleep(&arguments);
        return Ok(Value::new_null(ctx));
    }
    let outcome = HOST.with(|slot| match slot.borrow_mut().as_mut() {
        Some(host) => host.call(&operation, &arguments),
        None => Err("there is no message".to_owned()),
    });
    match outcome {
        Ok(out) => out_value(&ctx, out),
        Err(problem) => Err(Exception::throw_message(&ctx, &problem)),
    }
}

fn sleep(arguments: &[Arg]) {
    let Some(Arg::Number(millis)) = arguments.first() else { return };
    let pause = Duration::try_from_secs_f64(millis / 1000.0).unwrap_or_default().min(SLEEP);
    std::thread::sleep(pause);
    DEADLINE.with(|deadline| deadline.set(deadline.get().map(|end| end + pause)));
}

/// From JavaScript. Objects come packed by the prelude; any other object counts as its JSON.
fn arg<'js>(ctx: &Ctx<'js>, value: Value<'js>) -> rquickjs::Result<Arg> {
    if let Some(text) = value.as_string() {
        return Ok(Arg::Text(text.to_string()?));
    }
    if let Some(flag) = value.as_bool() {
        return Ok(Arg::Flag(flag));
    }
    if let Some(number) = value.as_number() {
        return Ok(Arg::Number(number));
    }
    if let Some(array) = value.as_array()
        && let Ok(texts) = array.iter::<String>().collect::<rquickjs::Result<Vec<String>>>()
    {
        let json = ctx.json_stringify(value.clone())?.map(|text| text.to_string()).transpose()?;
        return Ok(Arg::List(texts, json.unwrap_or_default()));
    }
    let Some(object) = value.as_object() else { return Ok(Arg::Null) };
    if let Ok(Some(node)) = object.get::<_, Option<f64>>("__node") {
        return Ok(Arg::Node(node as usize));
    }
    if let Ok(Some(json)) = object.get::<_, Option<String>>("__json") {
        return Ok(Arg::Json(json));
    }
    let json = ctx.json_stringify(value)?.map(|text| text.to_string()).transpose()?;
    Ok(json.map_or(Arg::Null, Arg::Json))
}

/// To JavaScript.
fn out_value<'js>(ctx: &Ctx<'js>, out: Out) -> rquickjs::Result<Value<'js>> {
    Ok(match out {
        Out::Null => Value::new_null(ctx.clone()),
        Out::Flag(flag) => Value::new_bool(ctx.clone(), flag),
        Out::Number(number) => Value::new_number(ctx.clone(), number),
        Out::Text(text) => rquickjs::String::from_str(ctx.clone(), &text)?.into_value(),
        Out::Node(node) => Value::new_number(ctx.clone(), node as f64),
        Out::NodeValue(node) => {
            let object = Object::new(ctx.clone())?;
            object.set("__node", node as f64)?;
            object.into_value()
        }
        Out::Json(json) => {
            let object = Object::new(ctx.clone())?;
            object.set("__json", json)?;
            object.into_value()
        }
        Out::List(items) => {
            let array = Array::new(ctx.clone())?;
            for (index, item) in items.into_iter().enumerate() {
                array.set(index, out_value(ctx, item)?)?;
            }
            array.into_value()
        }
    })
}

/// An argument of an external function: native JavaScript values, JSON parsed.
fn native_value<'js>(ctx: &Ctx<'js>, value: Option<&Native>) -> rquickjs::Result<Value<'js>> {
    match value {
        None => Ok(Value::new_null(ctx.clone())),
        Some(Native::Boolean(flag)) => Ok(Value::new_bool(ctx.clone(), *flag)),
        Some(Native::Json(json)) => ctx.json_parse(json.to_string()),
        Some(other) => match super::host::number(other) {
            Some(number) => Ok(Value::new_number(ctx.clone(), number)),
            None => Ok(rquickjs::String::from_str(ctx.clone(), &other.text())?.into_value()),
        },
    }
}
