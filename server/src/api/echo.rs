//! `/echo`: tells what was asked.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::RawQuery;
use axum::http::{HeaderMap, HeaderValue, Method, Uri};
use axum::response::IntoResponse;
use axum::routing::{MethodRouter, get};
use axum::{Extension, http};
use percent_encoding::percent_decode_str;
use roomcast_sails::VirtualRequest;
use serde::Serialize;
use serde_json::value::RawValue;

use super::extract::Body;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Echo {
    method: String,
    path: String,
    query: BTreeMap<String, Values>,
    body: Box<RawValue>,
    is_socket: bool,
}

/// The values of a name in a query.
#[derive(Serialize)]
#[serde(untagged)]
enum Values {
    One(String),
    Several(Vec<String>),
}

pub(super) fn routes<S: Clone + Send + Sync + 'static>() -> MethodRouter<S> {
    get(echo).post(echo).put(echo).patch(echo).delete(echo)
}

async fn echo(
    method: Method,
    uri: Uri,
    RawQuery(raw): RawQuery,
    asked: Option<Extension<VirtualRequest>>,
    headers: HeaderMap,
    Body(body): Body,
) -> impl IntoResponse {
    let is_socket = asked.is_some();
    let method = asked.map_or(method, |Extension(asked)| asked.method);
    let path = percent_decode_str(uri.path()).decode_utf8_lossy().into_owned();
    let query = query(raw.as_deref().unwrap_or_default());
    let echo = Echo { method: method.to_string(), path, query, body, is_socket };
    (echoed(&headers), Json(echo))
}

fn echoed(headers: &HeaderMap) -> HeaderMap {
    let mut echoed = HeaderMap::new();
    if let Some(value) = headers.get("x-echo") {
        echoed.insert(http::HeaderName::from_static("x-echo"), HeaderValue::clone(value));
    }
    echoed
}

fn query(raw: &str) -> BTreeMap<String, Values> {
    let mut query = BTreeMap::new();
    for (name, value) in form_urlencoded::parse(raw.as_bytes()) {
        match query.get_mut(&*name) {
            None => {
                query.insert(name.into_owned(), Values::One(value.into_owned()));
            }
            Some(Values::Several(values)) => values.push(value.into_owned()),
            Some(one @ Values::One(_)) => {
                let Values::One(first) = std::mem::replace(one, Values::Several(Vec::new())) else { continue };
                *one = Values::Several(vec![first, value.into_owned()]);
            }
        }
    }
    query
}
