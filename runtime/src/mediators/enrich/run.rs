//! Choosing between JSON and XML.

use super::json::PropertyJson;
use super::source::Filled;
use super::{Enrich, Target};
use crate::errors::Fault;
use crate::flow::{Context, Mediator, Next};
use crate::message::Message;

impl Mediator for Enrich {
    fn mediate(&self, message: &mut Message, cx: &mut Context) -> Result<Next, Fault> {
        let property = PropertyJson::of(&self.source, message);
        let filled = Filled::of(&self.source, message, cx)?;
        let json = self.native_json
            && message.payload.as_json().is_some()
            && !matches!(property, PropertyJson::No)
            && !matches!(filled, Filled::Element(_));
        if json {
            self.enrich_json(property, &filled, message, cx)?;
        } else {
            let pieces = self.pieces(&filled, message, cx)?;
            self.insert(pieces, message, cx)?;
        }
        if matches!(self.target, Target::Body | Target::Envelope) {
            message.axis2.remove("NO_ENTITY_BODY");
        }
        Ok(Next::Continue)
    }
}
