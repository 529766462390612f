//! Zip archives whose members are stored as they are.

/// Writes one.
pub fn write(members: &[(String, Vec<u8>)]) -> Vec<u8> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for (name, bytes) in members {
        let at = out.len() as u32;
        // Version, flags, method, time, date, checksum (which no reader looks at), sizes, lengths of the name and of what is extra.
        let size = (bytes.len() as u32).to_le_bytes();
        let common =
            [&[10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0][..], &size, &size, &short(name.len()), &[0, 0]];
        let common = common.concat();
        out.extend([b"PK\x03\x04", &common[..], name.as_bytes(), bytes].concat());
        directory.extend([b"PK\x01\x02\x0a\x00", &common[..], &[0; 10], &at.to_le_bytes()].concat());
        directory.extend(name.as_bytes());
    }
    let count = short(members.len());
    let (size, at) = ((directory.len() as u32).to_le_bytes(), (out.len() as u32).to_le_bytes());
    out.extend(directory);
    out.extend([b"PK\x05\x06\0\0\0\0", &count[..], &count, &size, &at, &[0, 0]].concat());
    out
}

fn short(n: usize) -> [u8; 2] {
    (n as u16).to_le_bytes()
}
