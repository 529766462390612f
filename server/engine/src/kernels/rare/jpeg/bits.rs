//! Codes of different lengths, one behind the other.

use super::BLOCK;
use super::tables::ORDER;

/// Code and length of each symbol.
pub type BySymbol = [(u32, u32); 256];

/// Bytes, and the bits that do not fill one yet.
pub struct Bits {
    bytes: Vec<u8>,
    open: u64,
    count: u32,
}

impl Bits {
    pub fn new(bytes: Vec<u8>) -> Self {
        Self { bytes, open: 0, count: 0 }
    }

    fn push(&mut self, code: u32, length: u32) {
        self.open = self.open << length | u64::from(code & ((1 << length) - 1));
        self.count += length;
        while self.count >= 8 {
            self.count -= 8;
            let byte = (self.open >> self.count) as u8;
            self.bytes.push(byte);
            // A byte of ones would begin a mark.
            if byte == 0xff {
                self.bytes.push(0);
            }
        }
        self.open &= (1 << self.count) - 1;
    }

    /// A number behind the code of its length; `zeros` come before it.
    fn number(&mut self, x: i32, zeros: u32, codes: &BySymbol) {
        let length = i32::BITS - x.abs().leading_zeros();
        let (code, own) = codes[(zeros << 4 | length) as usize & 0xff];
        self.push(code, own);
        if length > 0 {
            // Negative numbers are one less, so that their first bit is zero.
            self.push((x - i32::from(x < 0)).cast_unsigned(), length);
        }
    }

    /// How far the block's shade is from that before, and its other coefficients.
    pub fn block(&mut self, block: &[i32; BLOCK], apart: i32, [first, others]: &[BySymbol; 2]) {
        self.number(apart, 0, first);
        let mut zeros = 0;
        for n in &ORDER[1..] {
            if block[*n] == 0 {
                zeros += 1;
                continue;
            }
            while zeros > 15 {
                self.push(others[0xf0].0, others[0xf0].1);
                zeros -= 16;
            }
            self.number(block[*n], zeros, others);
            zeros = 0;
        }
        if zeros > 0 {
            self.push(others[0].0, others[0].1);
        }
    }

    /// The bytes, the last one filled up with ones.
    pub fn end(mut self) -> Vec<u8> {
        if self.count > 0 {
            self.push(0x7f, 8 - self.count);
        }
        self.bytes
    }
}
