// Package types has the types of WebAssembly's components that Go does not have.
package types

// The tags of a Result.
const (
	ResultOk uint8 = iota
	ResultErr
)

// Unit is nothing, where a type is needed.
type Unit struct{}

// Result is a value or an error.
type Result[T, U any] struct {
	tag uint8
	ok  T
	err U
}

func (r Result[T, U]) Tag() uint8 { return r.tag }
func (r Result[T, U]) Ok() T      { return r.ok }
func (r Result[T, U]) Err() U     { return r.err }

// Ok is a Result with a value.
func Ok[T, U any](value T) Result[T, U] { return Result[T, U]{tag: ResultOk, ok: value} }

// Err is a Result with an error.
func Err[T, U any](err U) Result[T, U] { return Result[T, U]{tag: ResultErr, err: err} }

// The tags of an Option.
const (
	OptionNone uint8 = iota
	OptionSome
)

// Option is a value or nothing.
type Option[T any] struct {
	tag   uint8
	value T
}

func (o Option[T]) Tag() uint8 { return o.tag }
func (o Option[T]) Some() T    { return o.value }

// None is an Option with nothing.
func None[T any]() Option[T] { return Option[T]{} }

// Some is an Option with a value.
func Some[T any](value T) Option[T] { return Option[T]{tag: OptionSome, value: value} }
