//! Reads MessagePack as `rmp_serde::to_vec_named` writes it: a struct is a map, a variant a name.
//!
//! That library's own reader hands a type whatever stands there, so each type brings code for every
//! form that could: for the state of OpenMLS a megabyte of WebAssembly. Here a type is given what it
//! asks for, or the bytes are not of its shape. Names that a type does not know are skipped, so that
//! a later OpenMLS reads what an earlier one wrote, and the other way round.

use std::fmt::Display;

use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess,
    VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;

/// Bytes that are not of the shape that a type asks for.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// They end too early.
    #[error("cut off")]
    Cut,
    /// Something else stands there.
    #[error("not {0}")]
    Not(&'static str),
    /// More follows after the value.
    #[error("{0} bytes after the value")]
    Rest(usize),
    /// The type refuses the value.
    #[error("{0}")]
    Refused(String),
}

impl Error for DecodeError {
    fn custom<T: Display>(message: T) -> Self {
        Self::Refused(message.to_string())
    }
}

type Result<T> = std::result::Result<T, DecodeError>;

/// Values within values: more than any type has, less than a stack.
const DEEPEST: u8 = 64;

/// Reads one value that is all of `bytes`.
///
/// # Errors
/// [`DecodeError`]: for any bytes, and nothing else.
pub fn from_slice<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    let mut reader = Reader {
        rest: bytes,
        deeper: DEEPEST,
    };
    let value = T::deserialize(&mut reader)?;
    match reader.rest.len() {
        0 => Ok(value),
        rest => Err(DecodeError::Rest(rest)),
    }
}

/// Types without a sign are asked for as one, those with a sign as another: each type checks what
/// fits.
enum Int {
    Unsigned(u64),
    Negative(i64),
}

struct Reader<'de> {
    rest: &'de [u8],
    deeper: u8,
}

impl<'de> Reader<'de> {
    fn peek(&self) -> Result<u8> {
        self.rest.first().copied().ok_or(DecodeError::Cut)
    }

    fn take(&mut self, length: usize) -> Result<&'de [u8]> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(DecodeError::Cut)?;
        self.rest = rest;
        Ok(taken)
    }

    /// A number of so many bytes, the highest first.
    fn number(&mut self, bytes: usize) -> Result<u64> {
        let taken = self.take(bytes)?.iter();
        Ok(taken.fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    fn length(&mut self, bytes: usize) -> Result<usize> {
        // What does not fit in memory is not there either.
        usize::try_from(self.number(bytes)?).map_err(|_| DecodeError::Cut)
    }

    fn marker(&mut self) -> Result<u8> {
        let marker = self.peek()?;
        self.rest = &self.rest[1..];
        Ok(marker)
    }

    fn int(&mut self) -> Result<Int> {
        Ok(match self.marker()? {
            positive @ 0x00..=0x7f => Int::Unsigned(positive.into()),
            negative @ 0xe0..=0xff => Int::Negative(negative.cast_signed().into()),
            size @ 0xcc..=0xcf => Int::Unsigned(self.number(1 << (size - 0xcc))?),
            size @ 0xd0..=0xd3 => {
                let bytes = 1 << (size - 0xd0);
                let unused = 64 - 8 * bytes as u32;
                let number = self.number(bytes)?.cast_signed() << unused >> unused;
                u64::try_from(number).map_or(Int::Negative(number), Int::Unsigned)
            }
            _ => return Err(DecodeError::Not("a number")),
        })
    }

    fn string(&mut self) -> Result<&'de str> {
        let length = match self.marker()? {
            short @ 0xa0..=0xbf => usize::from(short & 0x1f),
            size @ 0xd9..=0xdb => self.length(1 << (size - 0xd9))?,
            _ => return Err(DecodeError::Not("a string")),
        };
        std::str::from_utf8(self.take(length)?).map_err(|_| DecodeError::Not("UTF-8"))
    }

    fn binary(&mut self) -> Result<&'de [u8]> {
        match self.marker()? {
            size @ 0xc4..=0xc6 => {
                let length = self.length(1 << (size - 0xc4))?;
                self.take(length)
            }
            _ => Err(DecodeError::Not("bytes")),
        }
    }

    fn array(&mut self) -> Result<usize> {
        match self.marker()? {
            short @ 0x90..=0x9f => Ok(usize::from(short & 0x0f)),
            size @ 0xdc..=0xdd => self.length(2 << (size - 0xdc)),
            _ => Err(DecodeError::Not("a list")),
        }
    }

    fn entries(&mut self) -> Result<usize> {
        match self.marker()? {
            short @ 0x80..=0x8f => Ok(usize::from(short & 0x0f)),
            size @ 0xde..=0xdf => self.length(2 << (size - 0xde)),
            _ => Err(DecodeError::Not("a map")),
        }
    }

    fn skip(&mut self) -> Result<()> {
        let mut values = 1usize;
        while values > 0 {
            values -= 1;
            let inside = match self.peek()? {
                0x80..=0x8f | 0xde..=0xdf => self.entries()?.checked_mul(2),
                0x90..=0x9f | 0xdc..=0xdd => Some(self.array()?),
                0xa0..=0xbf | 0xd9..=0xdb => self.string().map(|_| Some(0))?,
                0xc4..=0xc6 => self.binary().map(|_| Some(0))?,
                0xc0 | 0xc2 | 0xc3 => self.marker().map(|_| Some(0))?,
                _ => self.int().map(|_| Some(0))?,
            };
            let all = inside.and_then(|inside| values.checked_add(inside));
            values = all.ok_or(DecodeError::Cut)?;
        }
        Ok(())
    }

    /// So many values, of which none may be left over.
    fn within<T>(
        &mut self,
        values: usize,
        read: impl FnOnce(&mut Within<'_, 'de>) -> Result<T>,
    ) -> Result<T> {
        self.deeper = self
            .deeper
            .checked_sub(1)
            .ok_or(DecodeError::Not("so deep"))?;
        let mut within = Within {
            reader: self,
            values,
        };
        let value = read(&mut within)?;
        if within.values > 0 {
            return Err(DecodeError::Not("so long"));
        }
        self.deeper += 1;
        Ok(value)
    }

    fn list<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value> {
        let values = self.array()?;
        self.within(values, |within| visitor.visit_seq(within))
    }

    fn map<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value> {
        let values = self.entries()?;
        self.within(values, |within| visitor.visit_map(within))
    }
}

impl<'de> Deserializer<'de> for &mut Reader<'de> {
    type Error = DecodeError;

    /// For the few types that accept several forms.
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.peek()? {
            0x80..=0x8f | 0xde..=0xdf => self.map(visitor),
            0x90..=0x9f | 0xdc..=0xdd => self.list(visitor),
            0xa0..=0xbf | 0xd9..=0xdb => visitor.visit_borrowed_str(self.string()?),
            0xc4..=0xc6 => visitor.visit_borrowed_bytes(self.binary()?),
            0xc0 => self.deserialize_unit(visitor),
            0xc2 | 0xc3 => self.deserialize_bool(visitor),
            _ => match self.int()? {
                Int::Unsigned(number) => visitor.visit_u64(number),
                Int::Negative(number) => visitor.visit_i64(number),
            },
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.marker()? {
            0xc2 => visitor.visit_bool(false),
            0xc3 => visitor.visit_bool(true),
            _ => Err(DecodeError::Not("a truth value")),
        }
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.int()? {
            Int::Unsigned(number) => visitor.visit_u64(number),
            Int::Negative(_) => Err(DecodeError::Not("a number without a sign")),
        }
    }

    fn deserialize_u8<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.deserialize_u64(visitor)
    }

    fn deserialize_u16<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.deserialize_u64(visitor)
    }

    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.deserialize_u64(visitor)
    }

    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.int()? {
            Int::Unsigned(number) => visitor.visit_u64(number),
            Int::Negative(number) => visitor.visit_i64(number),
        }
    }

    fn deserialize_i8<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.deserialize_i64(visitor)
    }

    fn deserialize_i16<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.deserialize_i64(visitor)
    }

    fn deserialize_i32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.deserialize_i64(visitor)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_borrowed_str(self.string()?)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.deserialize_str(visitor)
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.deserialize_str(visitor)
    }

    /// Of a field or a variant.
    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        if self.peek()? == 0xc0 {
            self.marker()?;
            visitor.visit_none()
        } else {
            visitor.visit_some(self)
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.marker()? {
            0xc0 => visitor.visit_unit(),
            _ => Err(DecodeError::Not("nothing")),
        }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value> {
        match self.array()? {
            0 => visitor.visit_unit(),
            _ => Err(DecodeError::Not("an empty list")),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.list(visitor)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _length: usize, visitor: V) -> Result<V::Value> {
        self.list(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _length: usize,
        visitor: V,
    ) -> Result<V::Value> {
        self.list(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.map(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        self.map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        let bare = matches!(self.peek()?, 0xa0..=0xbf | 0xd9..=0xdb);
        if !bare && self.entries()? != 1 {
            return Err(DecodeError::Not("one variant"));
        }
        let content = usize::from(!bare);
        self.within(content, |within| visitor.visit_enum(within))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.skip()?;
        visitor.visit_unit()
    }

    fn is_human_readable(&self) -> bool {
        false
    }

    forward_to_deserialize_any! { f32 f64 bytes byte_buf }
}

/// The values of a list, the entries of a map, the content of a variant: so many are still to be
/// read.
struct Within<'a, 'de> {
    reader: &'a mut Reader<'de>,
    values: usize,
}

impl<'de> SeqAccess<'de> for &mut Within<'_, 'de> {
    type Error = DecodeError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>> {
        let Some(values) = self.values.checked_sub(1) else {
            return Ok(None);
        };
        self.values = values;
        seed.deserialize(&mut *self.reader).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        // Each takes a byte at least: what is claimed beyond that is not there.
        Some(self.values.min(self.reader.rest.len()))
    }
}

impl<'de> MapAccess<'de> for &mut Within<'_, 'de> {
    type Error = DecodeError;

    fn next_key_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>> {
        self.next_element_seed(seed)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value> {
        seed.deserialize(&mut *self.reader)
    }

    fn size_hint(&self) -> Option<usize> {
        SeqAccess::size_hint(self)
    }
}

impl<'de> EnumAccess<'de> for &mut Within<'_, 'de> {
    type Error = DecodeError;
    type Variant = Self;

    fn variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<(T::Value, Self)> {
        let variant = seed.deserialize(&mut *self.reader)?;
        Ok((variant, self))
    }
}

impl<'a, 'de> Within<'a, 'de> {
    /// What a variant holds.
    fn content(&mut self) -> Result<&mut Reader<'de>> {
        let content = self.values.checked_sub(1);
        self.values = content.ok_or(DecodeError::Not("a variant with content"))?;
        Ok(self.reader)
    }
}

impl<'de> VariantAccess<'de> for &mut Within<'_, 'de> {
    type Error = DecodeError;

    fn unit_variant(self) -> Result<()> {
        Ok(()) // Content would be left over.
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value> {
        seed.deserialize(self.content()?)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _length: usize, visitor: V) -> Result<V::Value> {
        self.content()?.list(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        self.content()?.map(visitor)
    }
}

#[cfg(test)]
mod tests;
