module {{name}}

go 1.24

require go.bytecodealliance.org/pkg v0.2.3

replace go.bytecodealliance.org/pkg => ./sdk
