// Pins the CustomResourceDefinitions of the Gateway API: config/crd in the files of the module.
module servicemesh.platform/gateway-api

go 1.26.0

require sigs.k8s.io/gateway-api v1.7.0
