//! Holds the global allocator of a policy: a pointer that moves up.
//!
//! Every call runs in a fresh instance whose memory is dropped whole, so freeing early gains nothing: a typical call
//! makes a dozen allocations, most of them lists that the host copies in. The last block can still be freed, grown and
//! shrunk in place, which is what a `Vec` that is pushed to needs. The default policy is 21 kB with it and 27 kB with the
//! standard library's.
//!
//! It starts behind the static data, in what is left of the page that the linker ended them in, and grows memory for
//! more; the host's cap on memory then is a refused growth, so a null pointer.
#![allow(unsafe_code)]

use core::alloc::{GlobalAlloc, Layout};
use core::arch::wasm32::{memory_grow, memory_size};
use core::cell::Cell;
use core::ptr;

#[cfg(target_feature = "atomics")]
compile_error!("this allocator is for a single thread; disable the feature `bump-allocator`");

/// Bytes in a page of WebAssembly memory.
const PAGE: usize = 65_536;

unsafe extern "C" {
    /// Where the linker's static data and stack end. Only its address means something.
    static __heap_base: u8;
}

/// Addresses: the first free byte and the end of what may be handed out. Both 0 before the first allocation.
struct Bump {
    next: Cell<usize>,
    end: Cell<usize>,
}

#[global_allocator]
static ALLOCATOR: Bump = Bump { next: Cell::new(0), end: Cell::new(0) };

// SAFETY: without the feature `atomics` (see above) a module has one thread.
unsafe impl Sync for Bump {}

impl Bump {
    /// Makes `start .. end` available, where `start` is the first address at or after the free one that fits `align`.
    fn reserve(&self, size: usize, align: usize) -> Option<usize> {
        if self.end.get() == 0 {
            self.next.set(&raw const __heap_base as usize);
            self.end.set(memory_size::<0>().checked_mul(PAGE)?);
        }
        let start = self.next.get().checked_next_multiple_of(align)?;
        let end = start.checked_add(size)?;
        if end > self.end.get() {
            let pages = (end - self.end.get()).div_ceil(PAGE);
            // Checked before growing: an end of 4 GiB would wrap to 0, which stands for "not started".
            let grown_to = pages.checked_mul(PAGE)?.checked_add(self.end.get())?;
            let grown_from = memory_grow::<0>(pages);
            // Nobody else grows memory, so growth goes on where it ended; if not, leave what is not ours alone.
            if grown_from == usize::MAX || grown_from.checked_mul(PAGE)? != self.end.get() {
                return None;
            }
            self.end.set(grown_to);
        }
        self.next.set(end);
        Some(start)
    }

    fn is_last(&self, block: *mut u8, size: usize) -> bool {
        block as usize + size == self.next.get()
    }
}

// SAFETY: blocks lie between `__heap_base`, above which the linker places nothing, and the end of memory that exists;
// `next` only moves down over a block that its owner gives back, so that blocks in use never overlap.
unsafe impl GlobalAlloc for Bump {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        match self.reserve(layout.size(), layout.align()) {
            Some(start) => ptr::with_exposed_provenance_mut(start),
            None => ptr::null_mut(),
        }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if self.is_last(block, layout.size()) {
            self.next.set(block as usize);
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        if self.is_last(block, layout.size()) {
            self.next.set(block as usize);
            return if self.reserve(new_size, layout.align()).is_some() {
                block
            } else {
                self.next.set(block as usize + layout.size());
                ptr::null_mut()
            };
        }
        if new_size <= layout.size() {
            return block;
        }
        // SAFETY: the caller promises that `new_size`, rounded up to the alignment, fits an `isize`.
        let new = unsafe { self.alloc(Layout::from_size_align_unchecked(new_size, layout.align())) };
        if !new.is_null() {
            // SAFETY: both blocks are at least `layout.size()` long, and they do not overlap.
            unsafe { ptr::copy_nonoverlapping(block, new, layout.size()) };
        }
        new
    }
}
