{{/* The name of every object: the release's, with the chart's unless it is in there already. */}}
{{- define "netmarks.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "netmarks.scheduler.fullname" -}}
{{ include "netmarks.fullname" . }}-scheduler
{{- end -}}

{{/* What selects pods; never changes, since a Deployment's selector cannot. */}}
{{- define "netmarks.selector" -}}
app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "netmarks.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{ include "netmarks.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- define "netmarks.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "netmarks.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{/* An account of its own: the extender needs few of the scheduler's rights. */}}
{{- define "netmarks.scheduler.serviceAccountName" -}}
{{- default (include "netmarks.scheduler.fullname" .) (.Values.scheduler.serviceAccount | default dict).name -}}
{{- end -}}

{{- define "netmarks.image" -}}
{{- $image := .Values.image -}}
{{- if $image.digest -}}
{{ $image.repository }}@{{ $image.digest }}
{{- else -}}
{{ $image.repository }}:{{ default .Chart.AppVersion $image.tag }}
{{- end -}}
{{- end -}}

{{/* Under which name clients know the server; the first of its certificate. */}}
{{- define "netmarks.serverName" -}}
{{ include "netmarks.fullname" . }}.{{ .Release.Namespace }}.svc
{{- end -}}

{{- define "netmarks.secret.server" -}}
{{- if eq .Values.tls.mode "secret" -}}
{{ .Values.tls.secret.server }}
{{- else -}}
{{ include "netmarks.fullname" . }}-tls
{{- end -}}
{{- end -}}

{{- define "netmarks.secret.client" -}}
{{- if eq .Values.tls.mode "secret" -}}
{{ .Values.tls.secret.client }}
{{- else -}}
{{ include "netmarks.fullname" . }}-scheduler-client
{{- end -}}
{{- end -}}

{{/* The port that a URL names, or that of its scheme. */}}
{{- define "netmarks.port" -}}
{{- $url := urlParse . -}}
{{- regexFind "[0-9]+$" (regexFind ":[0-9]+$" $url.host) | default (ternary "443" "80" (eq $url.scheme "https")) -}}
{{- end -}}

{{/* With the pod's, what the admission of the restricted pod security standard asks for; and a root file system that nobody writes. */}}
{{- define "netmarks.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{/* The names of the server's certificate. `localhost` is for kubectl port-forward. */}}
{{- define "netmarks.certificateNames" -}}
{{- $serverName := include "netmarks.serverName" . -}}
{{- $short := printf "%s.%s" (include "netmarks.fullname" .) .Release.Namespace -}}
{{- concat (list $serverName (printf "%s.cluster.local" $serverName) $short "localhost") .Values.tls.dnsNames | toJson -}}
{{- end -}}

{{/* How long the API server waits for the webhook. */}}
{{- define "netmarks.admission.timeoutSeconds" -}}
1
{{- end -}}

{{/* The certificates that helm makes, once for all templates: afterwards they are in .Values.tls.made. */}}
{{- define "netmarks.certificates" -}}
{{- if not .Values.tls.made -}}
{{- $serverName := include "netmarks.serverName" . -}}
{{- $names := include "netmarks.certificateNames" . | fromJsonArray -}}
{{- $addresses := .Values.tls.ipAddresses -}}
{{- with .Values.service.clusterIP -}}
{{- $addresses = append $addresses . -}}
{{- end -}}
{{- /* What an earlier installation made stays: another authority would lock out every kube-scheduler that knows the old one. */ -}}
{{- $oldServer := lookup "v1" "Secret" .Release.Namespace (include "netmarks.secret.server" .) -}}
{{- $oldClient := lookup "v1" "Secret" .Release.Namespace (include "netmarks.secret.client" .) -}}
{{- $serverData := dict -}}
{{- $clientData := dict -}}
{{- if and $oldServer $oldClient -}}
{{- $serverData = $oldServer.data -}}
{{- $clientData = $oldClient.data -}}
{{- else -}}
{{- $days := int .Values.tls.days -}}
{{- $authority := genCA (printf "%s authority" $serverName) $days -}}
{{- $made := genSignedCert $serverName $addresses $names $days $authority -}}
{{- $serverData = dict "tls.crt" ($made.Cert | b64enc) "tls.key" ($made.Key | b64enc) "ca.crt" ($authority.Cert | b64enc) -}}
{{- $made = genSignedCert (printf "kube-scheduler.%s" $serverName) (list) (list) $days $authority -}}
{{- $clientData = dict "tls.crt" ($made.Cert | b64enc) "tls.key" ($made.Key | b64enc) "ca.crt" ($authority.Cert | b64enc) -}}
{{- end -}}
{{- $_ := set .Values.tls "made" (dict "server" $serverData "client" $clientData) -}}
{{- end -}}
{{- end -}}
