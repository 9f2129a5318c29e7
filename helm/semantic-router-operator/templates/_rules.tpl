{{- define "semantic-router-operator.rules" -}}
- apiGroups:
  - semanticrouter.dev
  resources:
  - semanticrouters
  - semanticcachebackups
  - semanticcacherestores
  verbs:
  - get
  - list
  - watch
- apiGroups:
  - semanticrouter.dev
  resources:
  - semanticrouters/status
  - semanticcachebackups/status
  - semanticcacherestores/status
  verbs:
  - patch
- apiGroups:
  - semanticrouter.dev
  resources:
  - semanticrouters/finalizers
  - semanticcachebackups/finalizers
  - semanticcacherestores/finalizers
  verbs:
  - update
- apiGroups:
  - ''
  resources:
  - configmaps
  - services
  - serviceaccounts
  - persistentvolumeclaims
  verbs:
  - get
  - list
  - watch
  - create
  - patch
  - delete
- apiGroups:
  - apps
  resources:
  - deployments
  - controllerrevisions
  verbs:
  - get
  - list
  - watch
  - create
  - patch
  - delete
- apiGroups:
  - batch
  resources:
  - jobs
  - cronjobs
  verbs:
  - get
  - list
  - watch
  - create
  - patch
  - delete
- apiGroups:
  - autoscaling
  resources:
  - horizontalpodautoscalers
  verbs:
  - get
  - list
  - watch
  - create
  - patch
  - delete
- apiGroups:
  - policy
  resources:
  - poddisruptionbudgets
  verbs:
  - get
  - list
  - watch
  - create
  - patch
  - delete
- apiGroups:
  - networking.k8s.io
  resources:
  - ingresses
  - networkpolicies
  verbs:
  - get
  - list
  - watch
  - create
  - patch
  - delete
- apiGroups:
  - gateway.networking.k8s.io
  resources:
  - httproutes
  verbs:
  - get
  - list
  - watch
  - create
  - patch
  - delete
- apiGroups:
  - monitoring.coreos.com
  resources:
  - servicemonitors
  - prometheusrules
  verbs:
  - get
  - list
  - watch
  - create
  - patch
  - delete
- apiGroups:
  - milvus.io
  resources:
  - milvuses
  verbs:
  - get
  - list
  - watch
  - create
  - patch
  - delete
- apiGroups:
  - semanticrouter.dev
  resources:
  - semanticcachebackups
  verbs:
  - get
  - list
  - watch
  - create
  - patch
  - delete
- apiGroups:
  - cert-manager.io
  resources:
  - certificates
  verbs:
  - get
  - list
  - watch
  - create
  - patch
  - delete
- apiGroups:
  - ''
  resources:
  - secrets
  - pods
  verbs:
  - get
  - list
  - watch
- apiGroups:
  - ''
  resources:
  - secrets
  verbs:
  - create
  - patch
- apiGroups:
  - storage.k8s.io
  resources:
  - storageclasses
  verbs:
  - get
  - list
- apiGroups:
  - events.k8s.io
  resources:
  - events
  verbs:
  - get
  - create
  - patch
- apiGroups:
  - snapshot.storage.k8s.io
  resources:
  - volumesnapshots
  verbs:
  - get
  - list
  - watch
  - create
  - delete
- apiGroups:
  - snapshot.storage.k8s.io
  resources:
  - volumesnapshotclasses
  verbs:
  - list
- apiGroups:
  - ''
  resources:
  - events
  verbs:
  - list
- apiGroups:
  - apps
  resources:
  - statefulsets
  verbs:
  - list
{{- end }}
{{- define "semantic-router-operator.leaseRules" -}}
- apiGroups:
  - coordination.k8s.io
  resources:
  - leases
  verbs:
  - create
- apiGroups:
  - coordination.k8s.io
  resources:
  - leases
  verbs:
  - get
  - update
  resourceNames:
  - {{ include "semantic-router-operator.name" . }}
{{- end }}
{{- define "semantic-router-operator.webhookRules" -}}
- apiGroups:
  - admissionregistration.k8s.io
  resources:
  - validatingwebhookconfigurations
  verbs:
  - get
  - patch
  resourceNames:
  - {{ include "semantic-router-operator.name" . }}
{{- end }}
{{- define "semantic-router-operator.certificateRules" -}}
- apiGroups:
  - ''
  resources:
  - secrets
  verbs:
  - create
- apiGroups:
  - ''
  resources:
  - secrets
  verbs:
  - get
  - patch
  resourceNames:
  - {{ include "semantic-router-operator.name" . }}-webhook-tls
{{- end }}
