// Command noderun is a machine made of namespaces: it runs the services of one
// Kubernetes node (containerd, kubelet, ...) as if they were alone on a host.
//
// It is called with the path of a specification (see spec.go). The process
// enters the node's cgroup and network namespace, and starts itself again as
// PID 1 of namespaces of its own, which mounts what the node needs and keeps
// the services running. The two live and die together: when one of them ends,
// the kernel ends everything that runs in the node.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// asInit is the name by which the process calls itself to be PID 1.
const asInit = "noderun-init"

func main() {
	// Namespaces, and the signal that ends PID 1 with its parent, belong to a
	// thread. All that matters happens on the first one, which lives longest.
	runtime.LockOSThread()
	if len(os.Args) != 2 {
		fail(fmt.Errorf("usage: %s SPECIFICATION", os.Args[0]))
	}
	spec, err := readSpec(os.Args[1])
	if err != nil {
		fail(err)
	}
	if os.Args[0] == asInit {
		fail(runInit(spec))
	}
	code, err := runNode(spec, os.Args[1])
	if err != nil {
		fail(err)
	}
	os.Exit(code)
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "fatal error:", err)
	os.Exit(1)
}

// runNode starts PID 1 of the node, passes SIGTERM on and waits for its end.
func runNode(spec *Spec, path string) (int, error) {
	tree, err := cgroupTree()
	if err != nil {
		return 0, err
	}
	folder, err := tree.enter(spec.Cgroup)
	if err != nil {
		return 0, err
	}
	if err := enterNetwork(spec.NetworkNamespace); err != nil {
		return 0, err
	}
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	command := exec.Command(self, path)
	command.Args[0] = asInit
	command.Env = []string{} // what tells the outer process from others
	command.Stdout, command.Stderr = os.Stdout, os.Stderr
	command.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWNS | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC | unix.CLONE_NEWPID | unix.CLONE_NEWCGROUP,
		Pdeathsig:  syscall.SIGKILL,
	}
	if folder != nil {
		command.SysProcAttr.UseCgroupFD = true
		command.SysProcAttr.CgroupFD = int(folder.Fd())
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	if err := command.Start(); err != nil {
		return 0, fmt.Errorf("namespaces of the node: %w", err)
	}
	go func() {
		for range signals {
			_ = command.Process.Signal(syscall.SIGTERM)
		}
	}()
	_ = command.Wait()
	return command.ProcessState.ExitCode(), nil
}

func enterNetwork(path string) error {
	namespace, err := os.Open(path)
	if err != nil {
		return err
	}
	defer namespace.Close()
	if err := unix.Setns(int(namespace.Fd()), unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}
