// Command consul is HashiCorp Consul with the commands that tests need (agent and its clients).
package main

import (
	"fmt"
	"io"
	"log"
	"os"

	mcli "github.com/mitchellh/cli"

	"github.com/hashicorp/consul/command"
	"github.com/hashicorp/consul/command/cli"
)

func main() {
	log.SetOutput(io.Discard)
	ui := &cli.BasicUI{BasicUi: mcli.BasicUi{Writer: os.Stdout, ErrorWriter: os.Stderr}}
	program := &mcli.CLI{Name: "consul", Args: os.Args[1:], Commands: command.RegisteredCommands(ui)}
	code, err := program.Run()
	if err != nil {
		fmt.Fprintln(os.Stderr, "consul:", err)
	}
	os.Exit(code)
}
