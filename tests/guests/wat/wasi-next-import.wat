;; Wants the environment of a WASI that the grant is not for.
(component
  (import "wasi:cli/environment@0.3.0" (instance
    (export "get-environment" (func (result (list (tuple string string))))))))
