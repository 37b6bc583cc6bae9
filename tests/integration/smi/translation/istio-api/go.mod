// Pins the CustomResourceDefinitions of Istio: kubernetes/customresourcedefinitions.gen.yaml in the files of the module.
module servicemesh.platform/istio-api

go 1.26.0

require istio.io/api v1.31.4
