//! Unmasking (section 5.3). tungstenite has the same function, but keeps it private.

/// Undoes the masking of `payload` in place; applied twice it changes nothing.
///
/// Cost: one pass that the compiler vectorizes; nothing at all for a key of zeros.
pub(crate) fn unmask(payload: &mut [u8], key: [u8; 4]) {
    if key == [0; 4] {
        return;
    }
    let wide = u64::from_ne_bytes([key[0], key[1], key[2], key[3], key[0], key[1], key[2], key[3]]);
    let (words, rest) = payload.as_chunks_mut::<8>();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ wide).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(key.into_iter().cycle()) {
        *byte ^= key;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_definition_for_every_short_length_and_alignment() {
        let key = [0x37, 0xfa, 0x21, 0x3d];
        let plain: Vec<u8> = (0..100).map(|i: u8| i.wrapping_mul(31)).collect();
        for from in 0..9 {
            for to in from..plain.len() {
                let mut bytes = plain.clone();
                unmask(&mut bytes[from..to], key);
                for (i, (&got, &was)) in bytes.iter().zip(&plain).enumerate() {
                    let inside = (from..to).contains(&i);
                    assert_eq!(got, if inside { was ^ key[(i - from) % 4] } else { was }, "{from}..{to} at {i}");
                }
            }
        }
    }

    #[test]
    fn a_key_of_zeros_changes_nothing() {
        let mut bytes = *b"unchanged";
        unmask(&mut bytes, [0; 4]);
        assert_eq!(&bytes, b"unchanged");
    }
}
