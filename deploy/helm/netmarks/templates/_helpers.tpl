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
