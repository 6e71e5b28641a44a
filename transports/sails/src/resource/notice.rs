//! What is told of a record: the shapes that the blueprint actions of Sails send.

use roomcast::EncodeError;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

#[derive(Serialize)]
#[serde(tag = "verb", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(crate) enum Notice<'a> {
    Created {
        id: &'a RawValue,
        data: &'a RawValue,
    },
    Updated {
        id: &'a RawValue,
        data: &'a RawValue,
        #[serde(skip_serializing_if = "is_null")]
        previous: &'a RawValue,
    },
    Destroyed {
        id: &'a RawValue,
        #[serde(skip_serializing_if = "is_null")]
        previous: &'a RawValue,
    },
    AddedTo {
        id: &'a RawValue,
        attribute: &'a str,
        added_id: &'a RawValue,
        added_ids: [&'a RawValue; 1],
    },
    RemovedFrom {
        id: &'a RawValue,
        attribute: &'a str,
        removed_id: &'a RawValue,
        removed_ids: [&'a RawValue; 1],
    },
}

pub(crate) fn json<T: Serialize + ?Sized>(value: &T) -> Result<Box<RawValue>, EncodeError> {
    to_raw_value(value).map_err(|e| EncodeError::Json(e.to_string()))
}

fn is_null(value: &&RawValue) -> bool {
    value.get() == "null"
}
