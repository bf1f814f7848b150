// The component: the generated exports, which call the policy in export_netmarks_policy_scoring.
package main

import _ "{{name}}/generated/wit_exports"

func main() {}
