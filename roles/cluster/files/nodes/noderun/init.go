package main

import (
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	pollInterval = 20 * time.Millisecond
	restartDelay = time.Second
	stopTimeout  = 3 * time.Second
)

// runInit is PID 1 of the node. It returns only when the node cannot start.
func runInit(spec *Spec) error {
	// The root folders of containers are for their users too.
	syscall.Umask(0o022)
	if err := unix.Sethostname([]byte(spec.Hostname)); err != nil {
		return err
	}
	if err := mountAll(spec); err != nil {
		return err
	}
	for name, value := range spec.Sysctls {
		if err := write(filepath.Join("/proc/sys", name), value); err != nil {
			return err
		}
	}
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGCHLD)
	running := &services{pids: map[int]int{}, list: spec.Services}
	for index := range spec.Services {
		if err := running.start(index); err != nil {
			return err
		}
	}
	for {
		switch <-signals {
		case syscall.SIGTERM:
			running.stop()
			os.Exit(0)
		case syscall.SIGCHLD:
			running.reap()
		}
	}
}

// services are the programs that PID 1 keeps running, by pid.
type services struct {
	pids map[int]int
	list []Service
}

// start runs a service, when what it comes after is there.
func (s *services) start(index int) error {
	service := s.list[index]
	for service.After != "" {
		if _, err := os.Stat(service.After); err == nil {
			break
		}
		s.reap()
		time.Sleep(pollInterval)
	}
	log, err := os.OpenFile(service.Log, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	process, err := os.StartProcess(service.Command[0], service.Command, &os.ProcAttr{
		Dir:   "/",
		Env:   service.Environment,
		Files: []*os.File{nil, log, log},
		Sys:   &syscall.SysProcAttr{Setsid: true},
	})
	if err != nil {
		return fmt.Errorf("%s: %w", service.Name, err)
	}
	if service.Once {
		state, err := process.Wait()
		if err == nil && !state.Success() {
			err = fmt.Errorf("%s: %s", service.Name, state)
		}
		return err
	}
	s.pids[process.Pid] = index
	return process.Release()
}

// reap takes the exit states of all dead children, those of containers too,
// and starts a service that ended again.
func (s *services) reap() {
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
		if err == syscall.EINTR {
			continue
		}
		if err != nil || pid <= 0 {
			return
		}
		index, ours := s.pids[pid]
		if !ours {
			continue
		}
		delete(s.pids, pid)
		fmt.Fprintf(os.Stderr, "%s ended (%s), starting it again\n", s.list[index].Name, describe(status))
		time.Sleep(restartDelay)
		if err := s.start(index); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}
}

// stop asks the services to end, the last one first. What is left, containers
// and all, is ended by the kernel with PID 1.
func (s *services) stop() {
	for pid := range s.pids {
		_ = syscall.Kill(pid, syscall.SIGTERM)
	}
	for deadline := time.Now().Add(stopTimeout); len(s.pids) > 0 && time.Now().Before(deadline); {
		pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil)
		if err == nil && pid > 0 {
			delete(s.pids, pid)
			continue
		}
		time.Sleep(pollInterval)
	}
}

func describe(status syscall.WaitStatus) string {
	if status.Signaled() {
		return status.Signal().String()
	}
	return fmt.Sprintf("exit code %d", status.ExitStatus())
}

// mountAll makes the node's view of the file system.
func mountAll(spec *Spec) error {
	cgroups, err := cgroupTree()
	if err != nil {
		return err
	}
	kept, err := openAll(spec.Keep)
	if err != nil {
		return err
	}
	// Opened first: a mount may hide where the next one comes from.
	sources, err := openAll(sourcesOf(spec.Binds))
	if err != nil {
		return err
	}
	// Nothing goes back to the machine; volumes reach the node's containers.
	for _, propagation := range []uintptr{unix.MS_PRIVATE, unix.MS_SHARED} {
		if err := mount("", "/", "", propagation|unix.MS_REC, ""); err != nil {
			return err
		}
	}
	if err := mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return err
	}
	if err := cgroups.mount(); err != nil {
		return err
	}
	for index, bind := range spec.Binds {
		if err := mountOpened(sources[index], bind.Target); err != nil {
			return err
		}
	}
	for _, folder := range spec.Tmpfs {
		if err := mount("tmpfs", folder, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=755"); err != nil {
			return err
		}
	}
	if err := showAgain(kept); err != nil {
		return err
	}
	return hideKernel(spec.Kernel)
}

func sourcesOf(binds []Bind) []string {
	paths := []string{}
	for _, bind := range binds {
		paths = append(paths, bind.Source)
	}
	return paths
}

func openAll(paths []string) ([]*os.File, error) {
	opened := []*os.File{}
	for _, path := range paths {
		file, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		opened = append(opened, file)
	}
	return opened, nil
}

// showAgain mounts folders that other mounts have hidden at their old places.
func showAgain(folders []*os.File) error {
	for _, folder := range folders {
		if _, err := os.Stat(folder.Name()); err == nil {
			continue
		}
		if err := os.MkdirAll(folder.Name(), 0o700); err != nil {
			return err
		}
		if err := mountOpened(folder, folder.Name()); err != nil {
			return err
		}
	}
	return nil
}

func mountOpened(source *os.File, target string) error {
	return mount(fmt.Sprintf("/proc/self/fd/%d", source.Fd()), target, "", unix.MS_BIND, "")
}

// hideKernel mounts files of the node over settings of the whole machine.
func hideKernel(values map[string]string) error {
	folder := "/run/kernel"
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	for name, value := range values {
		file := filepath.Join(folder, strings.ReplaceAll(name, "/", "."))
		if err := write(file, value+"\n"); err != nil {
			return err
		}
		if err := mount(file, filepath.Join("/proc/sys", name), "", unix.MS_BIND, ""); err != nil {
			return err
		}
	}
	return nil
}

func mount(source, target, system string, flags uintptr, options string) error {
	if err := unix.Mount(source, target, system, flags, options); err != nil {
		return fmt.Errorf("mount %s at %s: %w", source, target, err)
	}
	return nil
}
