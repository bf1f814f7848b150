// Package runtime has what the generated bindings need to hand values to the host and to take them. It stands in for the
// package of the same path, which needs a patched Go.
package runtime

import (
	"runtime"
	"unsafe"
)

// Allocate makes room for what is returned to the host. It stays until the pinner is unpinned.
func Allocate(pinner *runtime.Pinner, size, align uintptr) unsafe.Pointer {
	if size == 0 {
		return nil
	}
	// Words of 8 bytes are aligned for every type of the contract.
	pointer := unsafe.Pointer(unsafe.SliceData(make([]uint64, (size+7)/8)))
	pinner.Pin(pointer)
	return pointer
}

// What the host handed over and Go's values do not refer to yet.
var arguments runtime.Pinner

// Unpin leaves what the host handed over to the garbage collector.
func Unpin() { arguments.Unpin() }

// The host only asks for new memory: the contract has no type whose values grow while they are handed over.
//
//go:wasmexport cabi_realloc
func cabiRealloc(old unsafe.Pointer, oldSize, align, size uintptr) unsafe.Pointer {
	return Allocate(&arguments, size, align)
}
