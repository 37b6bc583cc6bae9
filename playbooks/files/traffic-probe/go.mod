module servicemesh.platform/traffic-probe

go 1.26
