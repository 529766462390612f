//! Functions under the names of another library's, which do nothing but jump to it: arguments, results and stack are the caller's and the
//! library's own affair.

use std::sync::atomic::{AtomicPtr, Ordering};

/// A function of a library.
pub struct Function {
    /// With a zero behind it.
    pub name: &'static str,
    pub target: &'static AtomicPtr<()>,
}

impl Function {
    /// From now on calls go there.
    pub fn set(&self, target: *mut ()) {
        self.target.store(target, Ordering::Release);
    }
}

/// The functions of a library as a module, all of which say `$absent` until they are there.
macro_rules! library {
    ($library:ident, $absent:literal, [$($name:ident)*]) => {
        pub mod $library {
            pub const ALL: &[$crate::jump::Function] = &[$($crate::jump::Function {
                name: concat!(stringify!($name), "\0"),
                target: &$name::TARGET,
            }),*];

            extern "C" fn absent() -> i32 {
                $absent
            }

            $(#[allow(non_snake_case, reason = "the library's name")]
            mod $name {
                pub static TARGET: std::sync::atomic::AtomicPtr<()> =
                    std::sync::atomic::AtomicPtr::new(super::absent as *mut ());
                $crate::jump::jump!($name);
            })*
        }
    };
}

#[cfg(target_arch = "x86_64")]
macro_rules! jump {
    ($name:ident) => {
        std::arch::global_asm!(
            ".text",
            concat!(".globl ", stringify!($name)),
            concat!(".type ", stringify!($name), ",@function"),
            concat!(stringify!($name), ":"),
            "jmp qword ptr [rip + {target}]",
            concat!(".size ", stringify!($name), ", . - ", stringify!($name)),
            target = sym TARGET,
        );
    };
}

#[cfg(target_arch = "aarch64")]
macro_rules! jump {
    ($name:ident) => {
        std::arch::global_asm!(
            ".text",
            ".p2align 2",
            concat!(".globl ", stringify!($name)),
            concat!(".type ", stringify!($name), ",@function"),
            concat!(stringify!($name), ":"),
            "adrp x16, {target}",
            "ldr x16, [x16, :lo12:{target}]",
            "br x16",
            concat!(".size ", stringify!($name), ", . - ", stringify!($name)),
            target = sym TARGET,
        );
    };
}

pub(crate) use {jump, library};
