//! FarmHash's 64-bit fingerprint: what TensorFlow puts strings into buckets by.

const K0: u64 = 0xc3a5_c85c_97cb_3127;
const K1: u64 = 0xb492_b66f_be98_f273;
const K2: u64 = 0x9ae1_6a3b_2f90_404f;

type Pair = (u64, u64);

fn word(s: &[u8], at: usize) -> u64 {
    s.get(at..).and_then(|s| s.first_chunk::<8>()).map_or(0, |b| u64::from_le_bytes(*b))
}

fn half(s: &[u8], at: usize) -> u64 {
    s.get(at..).and_then(|s| s.first_chunk::<4>()).map_or(0, |b| u64::from(u32::from_le_bytes(*b)))
}

fn mix(v: u64) -> u64 {
    v ^ (v >> 47)
}

fn rot(v: u64, by: u32) -> u64 {
    v.rotate_right(by)
}

fn mul(a: u64, b: u64) -> u64 {
    a.wrapping_mul(b)
}

fn sum<const N: usize>(terms: [u64; N]) -> u64 {
    terms.into_iter().fold(0, u64::wrapping_add)
}

fn two(u: u64, v: u64, by: u64) -> u64 {
    let a = mix(mul(u ^ v, by));
    mul(mix(mul(v ^ a, by)), by)
}

fn factor(s: &[u8]) -> u64 {
    K2.wrapping_add(s.len() as u64 * 2)
}

fn short(s: &[u8]) -> u64 {
    let (n, by) = (s.len(), factor(s));
    match n {
        0 => K2,
        1..=3 => {
            let y = u64::from(s[0]) + (u64::from(s[n >> 1]) << 8);
            let z = n as u64 + (u64::from(s[n - 1]) << 2);
            mul(mix(mul(y, K2) ^ mul(z, K0)), K2)
        }
        4..=7 => two(sum([n as u64, half(s, 0) << 3]), half(s, n - 4), by),
        _ => {
            let (a, b) = (sum([word(s, 0), K2]), word(s, n - 8));
            let c = sum([mul(rot(b, 37), by), a]);
            two(c, mul(sum([rot(a, 25), b]), by), by)
        }
    }
}

fn middle(s: &[u8]) -> u64 {
    let (n, by) = (s.len(), factor(s));
    let (a, b) = (mul(word(s, 0), K1), word(s, 8));
    let (c, d) = (mul(word(s, n - 8), by), mul(word(s, n - 16), K2));
    two(sum([rot(sum([a, b]), 43), rot(c, 30), d]), sum([a, rot(sum([b, K2]), 18), c]), by)
}

fn long(s: &[u8]) -> u64 {
    let (n, by) = (s.len(), factor(s));
    let (a, b) = (mul(word(s, 0), K2), word(s, 8));
    let (c, d) = (mul(word(s, n - 8), by), mul(word(s, n - 16), K2));
    let y = sum([rot(sum([a, b]), 43), rot(c, 30), d]);
    let z = two(y, sum([a, rot(sum([b, K2]), 18), c]), by);
    let (e, f) = (mul(word(s, 16), by), word(s, 24));
    let g = mul(sum([y, word(s, n - 32)]), by);
    let h = mul(sum([z, word(s, n - 24)]), by);
    two(sum([rot(sum([e, f]), 43), rot(g, 30), h]), sum([e, rot(sum([f, a]), 18), g]), by)
}

fn weak(s: &[u8], at: usize, a: u64, b: u64) -> Pair {
    let (w, x, y, z) = (word(s, at), word(s, at + 8), word(s, at + 16), word(s, at + 24));
    let a = sum([a, w]);
    let b = rot(sum([b, a, z]), 21);
    let c = a;
    let a = sum([a, x, y]);
    (sum([a, z]), sum([b, rot(a, 44), c]))
}

/// The state of a hash of many blocks.
struct State {
    x: u64,
    y: u64,
    z: u64,
    v: Pair,
    w: Pair,
}

impl State {
    /// Takes 64 bytes in; the last block has factors of its own.
    fn block(&mut self, s: &[u8], at: usize, by: u64, last: u64) {
        let Self { x, y, z, v, w } = self;
        *x = mul(rot(sum([*x, *y, v.0, word(s, at + 8)]), 37), by);
        *y = mul(rot(sum([*y, v.1, word(s, at + 48)]), 42), by);
        *x ^= mul(w.1, last);
        *y = sum([*y, mul(v.0, last), word(s, at + 40)]);
        *z = mul(rot(sum([*z, w.0]), 33), by);
        *v = weak(s, at, mul(v.1, by), sum([*x, w.0]));
        *w = weak(s, at + 32, sum([*z, w.1]), sum([*y, word(s, at + 16)]));
        std::mem::swap(z, x);
    }
}

/// The fingerprint of a byte string.
pub fn fingerprint(s: &[u8]) -> u64 {
    let n = s.len();
    match n {
        0..=16 => return short(s),
        17..=32 => return middle(s),
        33..=64 => return long(s),
        _ => {}
    }
    let seed = 81u64;
    let y = sum([mul(seed, K1), 113]);
    let z = mul(mix(sum([mul(y, K2), 113])), K2);
    let x = sum([mul(seed, K2), word(s, 0)]);
    let mut state = State { x, y, z, v: (0, 0), w: (0, 0) };
    for block in 0..(n - 1) / 64 {
        state.block(s, block * 64, K1, 1);
    }
    let by = K1.wrapping_add((state.z & 0xff) << 1);
    state.w.0 = sum([state.w.0, (n as u64 - 1) & 63]);
    state.v.0 = sum([state.v.0, state.w.0]);
    state.w.0 = sum([state.w.0, state.v.0]);
    state.block(s, n - 64, by, 9);
    let State { x, y, z, v, w } = state;
    two(sum([two(v.0, w.0, by), mul(mix(y), K0), z]), sum([two(v.1, w.1, by), x]), by)
}

/// A fingerprint of two.
pub fn combine(a: u64, b: u64) -> u64 {
    const BY: u64 = 0xc6a4_a793_5bd1_e995;
    let mixed = (a ^ BY ^ mul(mix(mul(b, BY)), BY)).wrapping_mul(BY);
    mix(mul(mix(mixed), BY))
}

/// SipHash with two and four rounds, by a key of two words.
pub fn keyed(key: [u64; 2], s: &[u8]) -> u64 {
    let mut v = [
        key[0] ^ 0x736f_6d65_7073_6575,
        key[1] ^ 0x646f_7261_6e64_6f6d,
        key[0] ^ 0x6c79_6765_6e65_7261,
        key[1] ^ 0x7465_6462_7974_6573,
    ];
    let round = |v: &mut [u64; 4]| {
        v[0] = v[0].wrapping_add(v[1]);
        v[2] = v[2].wrapping_add(v[3]);
        v[1] = v[1].rotate_left(13) ^ v[0];
        v[3] = v[3].rotate_left(16) ^ v[2];
        v[0] = v[0].rotate_left(32);
        v[2] = v[2].wrapping_add(v[1]);
        v[0] = v[0].wrapping_add(v[3]);
        v[1] = v[1].rotate_left(17) ^ v[2];
        v[3] = v[3].rotate_left(21) ^ v[0];
        v[2] = v[2].rotate_left(32);
    };
    let (words, rest) = s.as_chunks::<8>();
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    let end = u64::from_le_bytes(last) | (s.len() as u64) << 56;
    for word in words.iter().map(|w| u64::from_le_bytes(*w)).chain([end]) {
        v[3] ^= word;
        round(&mut v);
        round(&mut v);
        v[0] ^= word;
    }
    v[2] ^= 0xff;
    (0..4).for_each(|_| round(&mut v));
    v[0] ^ v[1] ^ v[2] ^ v[3]
}

/// Murmur's hash of 64 bits, which TensorFlow's first buckets were made with.
pub fn murmur(s: &[u8]) -> u64 {
    const BY: u64 = 0xc6a4_a793_5bd1_e995;
    let mut h = 0x00de_cafc_affe ^ mul(s.len() as u64, BY);
    let (words, rest) = s.as_chunks::<8>();
    for word in words {
        let k = mul(mix(mul(u64::from_le_bytes(*word), BY)), BY);
        h = mul(h ^ k, BY);
    }
    if !rest.is_empty() {
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        h = mul(h ^ u64::from_le_bytes(last), BY);
    }
    mix(mul(mix(h), BY))
}

#[cfg(test)]
mod tests {
    use super::keyed;

    #[test]
    fn siphash_is_that_of_its_paper() {
        let message: Vec<u8> = (0..15).collect();
        assert_eq!(keyed([0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908], &message), 0xa129_ca61_49be_45e5);
    }
}
