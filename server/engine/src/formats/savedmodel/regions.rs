//! Parts of tensors: a checkpoint may hold a tensor in pieces, each under a key of its own.

use super::proto::Slice;

/// Beginning and length on each axis.
pub type Region = Vec<(usize, usize)>;

/// All of a tensor.
pub fn all(shape: &[usize]) -> Region {
    shape.iter().map(|d| (0, *d)).collect()
}

/// The extents of a part that lies within a tensor.
pub fn within(part: &[(usize, usize)], shape: &[usize]) -> Option<Vec<usize>> {
    let fits = |((from, length), extent): (&(usize, usize), &usize)| {
        from.checked_add(*length).is_some_and(|end| end <= *extent)
    };
    let good = part.len() == shape.len() && part.iter().zip(shape).all(fits);
    good.then(|| part.iter().map(|(_, length)| *length).collect())
}

/// The part that a checkpoint's slice is.
pub fn of(slice: &Slice, shape: &[usize]) -> Option<Region> {
    let axis = |(extent, whole): (&super::proto::SliceExtent, &usize)| match extent.length {
        None => Some((0, *whole)),
        Some(length) => Some((usize::try_from(extent.start).ok()?, usize::try_from(length).ok()?)),
    };
    let region: Region = slice.extent.iter().zip(shape).map(axis).collect::<Option<_>>()?;
    within(&region, shape).is_some().then_some(region).filter(|_| slice.extent.len() == shape.len())
}

/// What two parts have in common.
pub fn common(a: &[(usize, usize)], b: &[(usize, usize)]) -> Option<Region> {
    let axis = |((from, length), (other, width)): (&(usize, usize), &(usize, usize))| {
        let start = *from.max(other);
        let end = (from + length).min(other + width);
        end.checked_sub(start).filter(|length| *length > 0).map(|length| (start, length))
    };
    a.iter().zip(b).map(axis).collect()
}

/// Copies what two parts have in common from the bytes of one to those of the other; the number of elements.
pub fn copy(
    common: &[(usize, usize)],
    (source, from): (&[(usize, usize)], &[u8]),
    (target, to): (&[(usize, usize)], &mut [u8]),
    width: usize,
) -> usize {
    let Some(((_, run), outer)) = common.split_last() else { return 0 };
    let rows: usize = outer.iter().map(|(_, length)| length).product();
    let offset = |region: &[(usize, usize)], at: &[usize]| {
        let places = region.iter().zip(at);
        places.fold(0, |n, ((begin, length), at)| n * length + (at - begin)) * width
    };
    let mut at: Vec<usize> = common.iter().map(|(begin, _)| *begin).collect();
    for _ in 0..rows {
        let (from_at, to_at) = (offset(source, &at), offset(target, &at));
        to[to_at..to_at + run * width].copy_from_slice(&from[from_at..from_at + run * width]);
        for (axis, (begin, length)) in outer.iter().enumerate().rev() {
            at[axis] += 1;
            if at[axis] < begin + length {
                break;
            }
            at[axis] = *begin;
        }
    }
    rows * run
}

/// The key under which a checkpoint has a slice: its name and its extents, written so that keys sort as they do.
pub fn key(name: &str, slice: &Slice) -> Vec<u8> {
    let mut key = vec![0];
    for byte in name.bytes() {
        match byte {
            0 => key.extend([0, 0xff]),
            0xff => key.extend([0xff, 0]),
            _ => key.push(byte),
        }
    }
    key.extend([0, 1]);
    let axes = slice.extent.len() as u64;
    let bytes = axes.to_be_bytes();
    let zeros = axes.leading_zeros() as usize / 8;
    key.push((8 - zeros) as u8);
    key.extend(&bytes[zeros..]);
    for extent in &slice.extent {
        signed(&mut key, extent.length.map_or(0, |_| extent.start));
        signed(&mut key, extent.length.unwrap_or(-1));
    }
    key
}

/// A signed number: as many leading ones as bytes, xor the bytes in network order.
fn signed(key: &mut Vec<u8>, value: i64) {
    const HEADERS: [[u8; 2]; 11] = [
        [0, 0],
        [0x80, 0],
        [0xc0, 0],
        [0xe0, 0],
        [0xf0, 0],
        [0xf8, 0],
        [0xfc, 0],
        [0xfe, 0],
        [0xff, 0],
        [0xff, 0x80],
        [0xff, 0xc0],
    ];
    let magnitude = if value < 0 { !value } else { value };
    let bits = 64 - magnitude.leading_zeros() as usize;
    let length = bits / 7 + 1;
    let mut bytes = [if value < 0 { 0xff } else { 0 }; 10];
    bytes[2..].copy_from_slice(&value.to_be_bytes());
    let bytes = &mut bytes[10 - length..];
    for (byte, header) in bytes.iter_mut().zip(HEADERS[length]) {
        *byte ^= header;
    }
    key.extend(&*bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_tensorflow_does() {
        let written = |n: i64| {
            let mut key = Vec::new();
            signed(&mut key, n);
            key
        };
        assert_eq!(written(0), [0x80]);
        assert_eq!(written(63), [0xbf]);
        assert_eq!(written(-1), [0x7f]);
        assert_eq!(written(-64), [0x40]);
        assert_eq!(written(64), [0xc0, 0x40]);
        assert_eq!(written(8191), [0xdf, 0xff]);
        assert_eq!(written(8192), [0xe0, 0x20, 0x00]);
        assert_eq!(written(i64::MAX).len(), 10);
    }

    #[test]
    fn a_part_is_put_together_of_pieces() {
        // 4 x 3, in rows of two; the part is the middle rows and the last two columns.
        let target = vec![(1, 2), (1, 2)];
        let mut to = [0u8; 4];
        let mut copied = 0;
        for (first, bytes) in [(0, [0, 1, 2, 3, 4, 5]), (2, [6, 7, 8, 9, 10, 11])] {
            let source = vec![(first, 2), (0, 3)];
            let both = common(&source, &target).unwrap();
            copied += copy(&both, (&source, &bytes), (&target, &mut to), 1);
        }
        assert_eq!((copied, to), (4, [4, 5, 7, 8]));
        assert_eq!(common(&[(0, 1)], &[(1, 1)]), None);
        assert_eq!(common(&[(0, 1)], &[(3, 2)]), None);
        assert_eq!(within(&[(1, usize::MAX)], &[4]), None);
    }
}
