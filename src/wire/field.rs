//! From a request's data to its typed form, with errors that name the field at fault.
//!
//! serde_json's own errors name no field, so this is a deserializer of its own over its `Value`: an error collects the path
//! as it travels outward, and its message is written for people.

use super::path::Path;
use crate::model::Failure;
use serde::Deserializer;
use serde::de::{
    self, DeserializeOwned, DeserializeSeed, Expected, IntoDeserializer, MapAccess, SeqAccess, Unexpected, Visitor,
};
use serde_json::{Map, Value};
use std::fmt;

/// The typed form of a request's data.
///
/// # Errors
/// [`Failure::Invalid`] with the path of the first field that is unknown, missing or of the wrong form, such as `add[1]`; of
/// the data as a whole the field is `data`.
pub fn from_value<T: DeserializeOwned>(data: Value) -> Result<T, Failure> {
    T::deserialize(Reader(data)).map_err(|Refusal { path, message }| {
        let field = if path.is_root() { "data".to_owned() } else { path.to_string() };
        Failure::Invalid { field, message }
    })
}

/// Why a value was not accepted, and where in it.
#[derive(Debug)]
struct Refusal {
    path: Path,
    message: String,
}

impl Refusal {
    fn new(message: impl Into<String>) -> Self {
        Self { path: Path::default(), message: message.into() }
    }

    fn under_key(self, key: &str) -> Self {
        Self { path: self.path.under_key(key), ..self }
    }

    fn under_index(self, index: usize) -> Self {
        Self { path: self.path.under_index(index), ..self }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.message)
    }
}

impl std::error::Error for Refusal {}

impl de::Error for Refusal {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(message.to_string())
    }

    fn invalid_type(_: Unexpected, expected: &dyn Expected) -> Self {
        Self::new(format!("must be {expected}"))
    }

    fn invalid_value(_: Unexpected, expected: &dyn Expected) -> Self {
        Self::new(format!("must be {expected}"))
    }

    fn invalid_length(_: usize, expected: &dyn Expected) -> Self {
        Self::new(format!("must be {expected}"))
    }

    fn unknown_variant(_: &str, allowed: &'static [&'static str]) -> Self {
        Self::new(format!("must be one of: {}", allowed.join(", ")))
    }

    fn unknown_field(field: &str, _: &'static [&'static str]) -> Self {
        Self::new("unknown field").under_key(field)
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new("is required").under_key(field)
    }
}

/// The deserializer of one value.
struct Reader(Value);

impl Reader {
    /// The whole number in it, if it lies between these.
    fn integer<I: TryFrom<i128> + Copy + fmt::Display>(&self, least: I, most: I) -> Result<I, Refusal> {
        let number = self.0.as_i64().map(i128::from).or_else(|| self.0.as_u64().map(i128::from));
        // Some languages write 3 as 3.0, and JSON makes no difference; beyond this the next number is not told apart.
        let written = |number: &f64| number.fract() == 0.0 && number.abs() <= 9_007_199_254_740_991.0;
        let number = number.or_else(|| format!("{:.0}", self.0.as_f64().filter(written)?).parse().ok());
        let number = number.ok_or_else(|| Refusal::new("must be a whole number"))?;
        I::try_from(number).map_err(|_| Refusal::new(format!("must be from {least} to {most}")))
    }

    fn float(&self) -> Result<f64, Refusal> {
        self.0.as_f64().ok_or_else(|| Refusal::new("must be a number"))
    }

    fn text(self) -> Result<String, Refusal> {
        if let Value::String(text) = self.0 { Ok(text) } else { Err(Refusal::new("must be a string")) }
    }

    fn list<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        let Value::Array(items) = self.0 else { return Err(Refusal::new("must be a list")) };
        let mut items = Items(items.into_iter().enumerate());
        let value = visitor.visit_seq(&mut items)?;
        // Only tuples stop before the end.
        if items.0.len() == 0 { Ok(value) } else { Err(Refusal::new("has too many elements")) }
    }

    fn object<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        let Value::Object(members) = self.0 else { return Err(Refusal::new("must be an object")) };
        visitor.visit_map(Members::from(members))
    }
}

macro_rules! integers {
    ($($method:ident $visit:ident $integer:ty,)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
            visitor.$visit(self.integer(<$integer>::MIN, <$integer>::MAX)?)
        }
    )*};
}

impl<'de> Deserializer<'de> for Reader {
    type Error = Refusal;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(flag) => visitor.visit_bool(flag),
            Value::Number(number) => number.deserialize_any(visitor).map_err(de::Error::custom),
            Value::String(text) => visitor.visit_string(text),
            Value::Array(_) => self.list(visitor),
            Value::Object(_) => self.object(visitor),
        }
    }

    integers! {
        deserialize_i8 visit_i8 i8,
        deserialize_i16 visit_i16 i16,
        deserialize_i32 visit_i32 i32,
        deserialize_i64 visit_i64 i64,
        deserialize_u8 visit_u8 u8,
        deserialize_u16 visit_u16 u16,
        deserialize_u32 visit_u32 u32,
        deserialize_u64 visit_u64 u64,
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        visitor.visit_bool(self.0.as_bool().ok_or_else(|| Refusal::new("must be true or false"))?)
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        visitor.visit_f64(self.float()?)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        visitor.visit_f64(self.float()?)
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        self.deserialize_string(visitor)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        self.deserialize_string(visitor)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        visitor.visit_string(self.text()?)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        if self.0.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Refusal> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        self.list(visitor)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Refusal> {
        self.list(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Refusal> {
        self.list(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        self.object(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refusal> {
        self.object(visitor)
    }

    /// Enums are words of a closed list; those with data have no place in a request.
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refusal> {
        visitor.visit_enum(self.text()?.into_deserializer())
    }

    serde::forward_to_deserialize_any! { bytes byte_buf unit unit_struct identifier ignored_any i128 u128 }
}

/// The items of a list, with their places.
struct Items(std::iter::Enumerate<std::vec::IntoIter<Value>>);

impl<'de> SeqAccess<'de> for Items {
    type Error = Refusal;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Refusal> {
        let Some((index, item)) = self.0.next() else { return Ok(None) };
        seed.deserialize(Reader(item)).map(Some).map_err(|refusal| refusal.under_index(index))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.0.len())
    }
}

/// The members of an object.
struct Members {
    rest: serde_json::map::IntoIter,
    /// The member whose key was read last.
    current: Option<(String, Value)>,
}

impl From<Map<String, Value>> for Members {
    fn from(members: Map<String, Value>) -> Self {
        Self { rest: members.into_iter(), current: None }
    }
}

impl<'de> MapAccess<'de> for Members {
    type Error = Refusal;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Refusal> {
        let Some((key, member)) = self.rest.next() else { return Ok(None) };
        let read = seed.deserialize(Reader(Value::String(key.clone())));
        // A struct's unknown field is named already, a map's key of the wrong form is not.
        let read = read.map_err(|refusal| if refusal.path.is_root() { refusal.under_key(&key) } else { refusal })?;
        self.current = Some((key, member));
        Ok(Some(read))
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Refusal> {
        let (key, member) = self.current.take().ok_or_else(|| Refusal::new("a member was read before its key"))?;
        seed.deserialize(Reader(member)).map_err(|refusal| refusal.under_key(&key))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.rest.len())
    }
}

#[cfg(test)]
mod tests;
