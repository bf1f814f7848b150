;; Wants a host function that nobody granted. It lacks the exports too: what it may not import must be said first, and by
;; name, for that is what the operator has to know.
(component
  (import "evil:host/run@1.0.0" (instance
    (export "run" (func (param "command" string) (result string))))))
