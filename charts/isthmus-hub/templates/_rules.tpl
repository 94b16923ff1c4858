{{/* Generated from access.ts of the program by npm run generate:charts. */}}
{{- define "isthmus-hub.rules.all" -}}
{{- end }}
{{- define "isthmus-hub.rules.own" -}}
- apiGroups: [""]
  resources: ["services"]
  resourceNames: ["isthmus-hub-link"]
  verbs: ["list", "watch"]
- apiGroups: [""]
  resources: ["secrets"]
  resourceNames: ["isthmus-admin-token"]
  verbs: ["get", "update"]
{{- end }}
