//! Results as JSON text that is known to be of a type.

use std::marker::PhantomData;

use serde::Serialize;
use serde_json::Value;

use super::{number::is_number, stored::Stored, time::unix_seconds};
use crate::{
    protocol::{Error, Result},
    types::Seconds,
};

/// The JSON text of a `T`. Made by a [`Shape`](super::Shape) from what is stored, or from a value.
#[derive(Debug)]
pub struct Json<T: ?Sized> {
    text: String,
    result: PhantomData<fn() -> T>,
}

impl<T: ?Sized> Json<T> {
    pub(crate) fn trusted(text: String) -> Self {
        Self { text, result: PhantomData }
    }

    /// The JSON text.
    pub fn into_text(self) -> String {
        self.text
    }
}

impl<T: Serialize + ?Sized> Json<T> {
    /// The JSON of a value that was computed.
    pub fn of(value: &T) -> Result<Self> {
        serde_json::to_string(value)
            .map(Self::trusted)
            .map_err(|error| Error::internal(format!("a result cannot be written as JSON: {error}")))
    }
}

impl<T> Json<Option<T>> {
    /// No value.
    pub fn null() -> Self {
        Self::trusted("null".to_owned())
    }
}

/// An array of results in the making. A healthy element is never held up by a corrupt one.
#[derive(Debug)]
pub struct JsonList<T> {
    text: String,
    result: PhantomData<fn() -> T>,
}

impl<T> JsonList<T> {
    /// The empty list.
    pub fn new() -> Self {
        Self { text: "[".to_owned(), result: PhantomData }
    }

    /// The empty list, with room for so many bytes.
    pub(crate) fn with_capacity(bytes: usize) -> Self {
        let mut list = Self { text: String::with_capacity(bytes), result: PhantomData };
        list.text.push('[');
        list
    }

    /// Appends what `write` appends, or nothing if it fails.
    pub(crate) fn push_with(&mut self, write: impl FnOnce(&mut String) -> Result<()>) -> Result<()> {
        let before = self.text.len();
        if before > 1 {
            self.text.push(',');
        }
        let written = write(&mut self.text);
        if written.is_err() {
            self.text.truncate(before);
        }
        written
    }

    /// Appends a result.
    pub fn push(&mut self, element: Json<T>) {
        if self.text.len() > 1 {
            self.text.push(',');
        }
        self.text.push_str(&element.text);
    }

    /// Appends results.
    pub fn extend(&mut self, elements: impl IntoIterator<Item = Json<T>>) {
        elements.into_iter().for_each(|element| self.push(element));
    }

    /// The finished list.
    pub fn finish(mut self) -> Json<Vec<T>> {
        self.text.push(']');
        Json::trusted(self.text)
    }
}

impl JsonList<f64> {
    /// Appends a number as it was written.
    pub fn push_number(&mut self, raw: &str) -> Result<()> {
        self.push_with(|out| match is_number(raw) {
            true => {
                out.push_str(raw);
                Ok(())
            }
            false => Err(Error::corrupt("has an element that is no number")),
        })
    }

    /// The finished list as a tuple of numbers. Its length is what the caller says.
    pub fn finish_tuple<T>(self) -> Json<T> {
        Json::trusted(self.finish().text)
    }
}

impl<T> Default for JsonList<T> {
    fn default() -> Self {
        Self::new()
    }
}

/// An object of results in the making.
#[derive(Debug)]
pub struct JsonObject(String);

/// An object of members whose values are JSON.
pub(crate) fn object_of<'m>(members: impl IntoIterator<Item = (&'m str, &'m str)>) -> String {
    let mut object = JsonObject::new();
    for (name, value) in members {
        object.insert(name, Json::<Value>::trusted(value.to_owned()));
    }
    object.finish::<Value>().into_text()
}

impl JsonObject {
    /// The empty object.
    pub fn new() -> Self {
        Self("{".to_owned())
    }

    /// Adds a member under a name that was not added before.
    pub fn insert<T: ?Sized>(&mut self, name: &str, value: Json<T>) {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        push_string(name, &mut self.0);
        self.0.push(':');
        self.0.push_str(&value.text);
    }

    /// The finished object. That it is a `T` is what the caller says; the tests hold every operation's
    /// results against the schema.
    pub fn finish<T>(mut self) -> Json<T> {
        self.0.push('}');
        Json::trusted(self.0)
    }
}

impl Default for JsonObject {
    fn default() -> Self {
        Self::new()
    }
}

impl Json<Seconds> {
    /// A time, as the cache writes them.
    pub fn time(text: &str) -> Result<Self> {
        unix_seconds(text).map(Self::trusted).ok_or_else(|| Error::corrupt("is no time"))
    }

    /// A time that is a stored value.
    pub fn stored_time(stored: &Stored) -> Result<Self> {
        Self::time(stored.text()?)
    }
}

/// Appends a JSON string.
pub(crate) fn push_string(text: &str, out: &mut String) {
    if text.bytes().all(|byte| byte >= b' ' && byte != b'"' && byte != b'\\') {
        out.push('"');
        out.push_str(text);
        out.push('"');
    } else {
        out.push_str(&serde_json::Value::from(text).to_string());
    }
}
