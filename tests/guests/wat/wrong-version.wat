;; Exports the scoring interface of a version that no host of today serves. The interface is empty: a host that looks at
;; the version before it looks at the functions can say which versions it does serve.
(component
  (instance $scoring)
  (export "netmarks:policy/scoring@0.2.0" (instance $scoring)))
