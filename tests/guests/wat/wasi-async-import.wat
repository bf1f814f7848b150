;; Wants to print through WASI 0.3, whose streams and futures are types that the engine does not compile.
(component
  (import "wasi:cli/types@0.3.0" (instance $types
    (type $code (enum "io" "illegal-byte-sequence" "pipe"))
    (export "error-code" (type (eq $code)))))
  (alias export $types "error-code" (type $error-code))
  (import "wasi:cli/stdout@0.3.0" (instance
    (alias outer 1 $error-code (type $outer))
    (export "error-code" (type $error (eq $outer)))
    (type $data (stream u8))
    (type $done (future (result (error $error))))
    (export "write-via-stream" (func (param "data" $data) (result $done))))))
