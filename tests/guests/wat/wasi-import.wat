;; Wants the environment, as every component for wasm32-wasip2 does.
(component
  (import "wasi:cli/environment@0.2.6" (instance
    (export "get-environment" (func (result (list (tuple string string))))))))
