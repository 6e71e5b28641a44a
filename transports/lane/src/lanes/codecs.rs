//! The codecs that a program's transports registered.

use std::sync::{Arc, PoisonError, RwLock};

use roomcast::Codec;

/// Names a registered codec: [`Lanes::register`](crate::Lanes::register).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CodecId(pub(crate) u8);

/// All codecs, by number. Grows only.
#[derive(Default)]
pub(crate) struct Codecs(RwLock<Vec<Arc<dyn Codec>>>);

impl Codecs {
    pub(crate) const MAX: usize = 256;

    /// `None` if there are 256 already.
    pub(crate) fn register(&self, codec: Arc<dyn Codec>) -> Option<CodecId> {
        let mut codecs = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let id = u8::try_from(codecs.len()).ok()?;
        codecs.push(codec);
        Some(CodecId(id))
    }

    pub(crate) fn get(&self, id: CodecId) -> Option<Arc<dyn Codec>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(id.0 as usize).cloned()
    }
}
