//! One element of an array, out of its bytes.

use crate::formats::pickle::Type;

fn eight<const N: usize>(bytes: &[u8], big: bool) -> Option<[u8; N]> {
    let mut all: [u8; N] = bytes.try_into().ok()?;
    if big {
        all.reverse();
    }
    Some(all)
}

pub fn int(of: &Type, bytes: &[u8]) -> Option<i64> {
    match of {
        Type::Bool => Some(i64::from(*bytes.first()? != 0)),
        Type::Int { bytes: 1, signed: true, .. } => Some(i64::from(*bytes.first()? as i8)),
        Type::Int { bytes: 1, .. } => Some(i64::from(*bytes.first()?)),
        Type::Int { bytes: 2, signed: true, big } => Some(i16::from_le_bytes(eight(bytes, *big)?).into()),
        Type::Int { bytes: 2, big, .. } => Some(u16::from_le_bytes(eight(bytes, *big)?).into()),
        Type::Int { bytes: 4, signed: true, big } => Some(i32::from_le_bytes(eight(bytes, *big)?).into()),
        Type::Int { bytes: 4, big, .. } => Some(u32::from_le_bytes(eight(bytes, *big)?).into()),
        Type::Int { big, .. } => Some(i64::from_le_bytes(eight(bytes, *big)?)),
        Type::Float { .. } => {
            float(of, bytes).filter(|x| x.fract() == 0.0 && x.abs() < 9e18).map(|x| x as i64)
        }
        _ => None,
    }
}

pub fn float(of: &Type, bytes: &[u8]) -> Option<f64> {
    match of {
        Type::Float { bytes: 8, big } => Some(f64::from_le_bytes(eight(bytes, *big)?)),
        Type::Float { bytes: 4, big } => Some(f32::from_le_bytes(eight(bytes, *big)?).into()),
        Type::Float { big, .. } => Some(half::f16::from_le_bytes(eight(bytes, *big)?).to_f64()),
        Type::Int { signed: false, bytes: 8, big } => Some(u64::from_le_bytes(eight(bytes, *big)?) as f64),
        _ => int(of, bytes).map(|n| n as f64),
    }
}

pub fn text(of: &Type, bytes: &[u8]) -> Option<String> {
    match of {
        Type::Text { big, .. } => {
            let codes = bytes.as_chunks::<4>().0.iter().map(|four| {
                char::from_u32(if *big { u32::from_be_bytes(*four) } else { u32::from_le_bytes(*four) })
            });
            let text: Option<String> = codes.collect();
            text.map(|text| text.trim_end_matches('\0').to_owned())
        }
        Type::Bytes(_) => std::str::from_utf8(bytes).ok().map(|text| text.trim_end_matches('\0').to_owned()),
        _ => None,
    }
}
