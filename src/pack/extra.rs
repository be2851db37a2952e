//! Extra fields of a header: the Zip64 values, and names that would override the real one.

use super::record::Fields;
use crate::finding::Rule;

/// Id of the Zip64 extended information field (APPNOTE 4.5.3).
const ZIP64: u16 = 0x0001;
/// Id of Info-ZIP's Unicode path field (APPNOTE 4.6.9).
const UNICODE_PATH: u16 = 0x7075;
/// A 16-bit field whose value stands in the Zip64 field.
const SENTINEL_16: u16 = u16::MAX;
/// A 32-bit field whose value stands in the Zip64 field.
const SENTINEL_32: u32 = u32::MAX;

/// What is wrong with a header: the broken rule, what was found and what was expected.
pub(super) type Fault = (Rule, String);

/// The values of a Zip64 field, taken in the order of the header's fields that ask for them.
#[derive(Debug)]
pub(super) struct Zip64<'a> {
    is_present: bool,
    rest: Fields<'a>,
}

impl<'a> Zip64<'a> {
    /// Walks the extra fields of a header with this name and returns its Zip64 field. Fields that
    /// nobody knows are passed over.
    pub(super) fn find(area: &'a [u8], name: &[u8]) -> Result<Self, Fault> {
        let mut zip64 = None;
        let mut fields = Fields(area);
        while !fields.0.is_empty() {
            let field = fields.u16().zip(fields.u16());
            let Some((id, content)) =
                field.and_then(|(id, length)| Some((id, fields.bytes(length)?)))
            else {
                let detail = format!(
                    "an extra field runs past the {} bytes of extra fields",
                    area.len()
                );
                return Err((Rule::MemberExtraField, detail));
            };
            match id {
                ZIP64 if zip64.replace(content).is_some() => {
                    let detail = "two Zip64 fields in one header".to_owned();
                    return Err((Rule::Zip64Field, detail));
                }
                // One byte of version and four of CRC-32, then the name.
                UNICODE_PATH if content.get(5..) != Some(name) => {
                    let other = String::from_utf8_lossy(content.get(5..).unwrap_or_default());
                    let detail = format!("extra field 0x7075 says another name: `{other}`");
                    return Err((Rule::NameOverride, detail));
                }
                _ => {}
            }
        }
        Ok(Self {
            is_present: zip64.is_some(),
            rest: Fields(zip64.unwrap_or_default()),
        })
    }

    /// Returns whether the header has a Zip64 field.
    pub(super) const fn is_present(&self) -> bool {
        self.is_present
    }

    /// Returns the value of a size or offset.
    pub(super) fn size(&mut self, plain: u32) -> Result<u64, Fault> {
        if plain != SENTINEL_32 {
            return Ok(plain.into());
        }
        self.rest.u64().ok_or_else(|| {
            let detail = "a size or offset is 0xFFFFFFFF without a Zip64 value".to_owned();
            (Rule::Zip64Field, detail)
        })
    }

    /// Returns the number of a disk.
    pub(super) fn disk(&mut self, plain: u16) -> Result<u32, Fault> {
        if plain != SENTINEL_16 {
            return Ok(plain.into());
        }
        self.rest.u32().ok_or_else(|| {
            let detail = "a disk number is 0xFFFF without a Zip64 value".to_owned();
            (Rule::Zip64Field, detail)
        })
    }

    /// Ensures that the field has no values that nobody asked for.
    pub(super) fn ensure_used_up(&self) -> Result<(), Fault> {
        match self.rest.0.len() {
            0 => Ok(()),
            left => {
                let detail = format!("the Zip64 field has {left} bytes that no field asks for");
                Err((Rule::Zip64Field, detail))
            }
        }
    }
}
