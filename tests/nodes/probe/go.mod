module servicemesh.platform/probe

go 1.26
