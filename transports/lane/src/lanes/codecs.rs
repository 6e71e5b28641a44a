//! The codecs that a program's transports registered.

use std::any::TypeId;
use std::sync::{Arc, PoisonError, RwLock};

use roomcast::Codec;

/// Names a registered codec: [`Lanes::register`](crate::Lanes::register).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CodecId(pub(crate) u8);

/// All codecs, by number. Grows only.
#[derive(Default)]
pub(crate) struct Codecs(RwLock<Vec<Registered>>);

struct Registered {
    codec: Arc<dyn Codec>,
    /// The type, if it tells all there is to know of the codec.
    stateless: Option<TypeId>,
}

impl Codecs {
    pub(crate) const MAX: usize = 256;

    /// `None` if there are 256 already. A codec without a state is known by its type, and is not registered twice.
    pub(crate) fn register<C: Codec>(&self, codec: C) -> Option<CodecId> {
        let stateless = (size_of::<C>() == 0).then(TypeId::of::<C>);
        let mut codecs = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let known = codecs.iter().position(|known| stateless.is_some() && known.stateless == stateless);
        let id = u8::try_from(known.unwrap_or(codecs.len())).ok()?;
        if known.is_none() {
            codecs.push(Registered { codec: Arc::new(codec), stateless });
        }
        Some(CodecId(id))
    }

    pub(crate) fn get(&self, id: CodecId) -> Option<Arc<dyn Codec>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(id.0 as usize).map(|known| Arc::clone(&known.codec))
    }
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;
    use roomcast::{EncodeError, Outgoing};

    use super::*;

    struct Plain;
    struct Other;
    struct Numbered(#[expect(dead_code, reason = "a state")] u8);

    macro_rules! codecs {
        ($($name:ty),*) => {$(
            impl Codec for $name {
                fn encode(&self, _: &Outgoing<'_>, _: &mut BytesMut) -> Result<(), EncodeError> {
                    Ok(())
                }
            }
        )*};
    }

    codecs! { Plain, Other, Numbered }

    #[test]
    fn a_codec_without_a_state_is_registered_once() {
        let codecs = Codecs::default();
        let (plain, other) = (codecs.register(Plain), codecs.register(Other));
        assert_eq!((codecs.register(Plain), codecs.register(Other)), (plain, other));
        assert_ne!(plain, other);
        assert_ne!(codecs.register(Numbered(1)), codecs.register(Numbered(1)), "their states may differ");
    }

    #[test]
    fn there_is_place_for_256() {
        let codecs = Codecs::default();
        assert_eq!(codecs.register(Plain), Some(CodecId(0)));
        for n in 1..=255 {
            assert_eq!(codecs.register(Numbered(n)), Some(CodecId(n)));
        }
        assert_eq!(codecs.register(Numbered(0)), None);
        assert_eq!(codecs.register(Plain), Some(CodecId(0)), "that one has its place");
        assert!(codecs.get(CodecId(255)).is_some());
    }
}
