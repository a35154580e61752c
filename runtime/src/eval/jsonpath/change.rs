//! Changing a tree at the places of a path.

use super::run::last_member;
use super::{JsonPath, PathError};
use crate::eval::selection::{Key, Place, at_mut};
use crate::message::Json;

impl JsonPath {
    /// Replaces what matches; [`PathError::NotFound`] when a path matches nothing, [`PathError::Invalid`]
    /// for `$` itself.
    pub fn set(&self, root: &mut Json, value: &Json) -> Result<(), PathError> {
        for place in self.last_first(root)? {
            if place.is_empty() {
                return invalid("the root cannot be set");
            }
            if let Some(target) = at_mut(root, &place) {
                *target = value.clone();
            }
        }
        Ok(())
    }

    /// Appends to the arrays that match; other matches are [`PathError::Invalid`], null is left alone.
    pub fn add(&self, root: &mut Json, value: &Json) -> Result<(), PathError> {
        for place in self.last_first(root)? {
            match at_mut(root, &place) {
                Some(Json::Array(items)) => items.push(value.clone()),
                Some(Json::Null) | None => {}
                Some(_) => return invalid("can only add to an array"),
            }
        }
        Ok(())
    }

    /// Sets a member in the objects that match; other matches are [`PathError::Invalid`].
    pub fn put(&self, root: &mut Json, key: &str, value: &Json) -> Result<(), PathError> {
        for place in self.last_first(root)? {
            match at_mut(root, &place) {
                Some(target @ Json::Object(_)) => target.set(key, value.clone()),
                Some(Json::Null) | None => {}
                Some(_) => return invalid("can only put members into an object"),
            }
        }
        Ok(())
    }

    /// Removes what matches; [`PathError::Invalid`] for `$` itself.
    pub fn delete(&self, root: &mut Json) -> Result<(), PathError> {
        for place in self.last_first(root)? {
            let Some((last, parent)) = place.split_last() else {
                return invalid("the root cannot be deleted");
            };
            match (at_mut(root, parent), last) {
                (Some(Json::Object(members)), Key::Member(name)) => members.retain(|(n, _)| n != name),
                (Some(Json::Array(items)), Key::Index(index)) if *index < items.len() => {
                    items.remove(*index);
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Renames a member in the objects that match; the member moves to the end, as Jayway does.
    /// [`PathError::NotFound`] when an object has no such member.
    pub fn rename_key(&self, root: &mut Json, old: &str, new: &str) -> Result<(), PathError> {
        for place in self.last_first(root)? {
            match at_mut(root, &place) {
                Some(target @ Json::Object(_)) => rename(target, old, new)?,
                Some(Json::Null) | None => {}
                Some(_) => return invalid("can only rename members of an object"),
            }
        }
        Ok(())
    }

    /// Places with later elements first, so that removing one does not move the others.
    fn last_first(&self, root: &Json) -> Result<Vec<Place>, PathError> {
        let mut places = self.places(root)?;
        places.reverse();
        places.sort_by(|a, b| match (a.last(), b.last()) {
            (Some(Key::Index(a)), Some(Key::Index(b))) => b.cmp(a),
            _ => std::cmp::Ordering::Equal,
        });
        Ok(places)
    }
}

fn rename(target: &mut Json, old: &str, new: &str) -> Result<(), PathError> {
    let Json::Object(members) = target else { return Ok(()) };
    let Some(value) = last_member(members, old).cloned() else {
        return Err(PathError::NotFound(format!("there is no member '{old}'")));
    };
    let value = super::number::member_form(&value);
    if old != new {
        target.set(new, value);
    }
    if let Json::Object(members) = target {
        members.retain(|(name, _)| &**name != old);
    }
    Ok(())
}

fn invalid<T>(message: &str) -> Result<T, PathError> {
    Err(PathError::Invalid(message.to_owned()))
}
