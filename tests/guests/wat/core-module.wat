;; A core module, not a component: what `cargo build` makes without the component linker.
(module
  (memory (export "memory") 1)
  (func (export "score") (result i32) (i32.const 0)))
