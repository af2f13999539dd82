// Command chaincode serves the contracts to a Fabric peer as an external
// service. It reads CHAINCODE_SERVER_ADDRESS and CORE_CHAINCODE_ID, and
// CHAINCODE_TLS_KEY and CHAINCODE_TLS_CERT (files) when the peer connects with
// TLS.
package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/hyperledger/fabric-chaincode-go/v2/shim"

	"github.com/commonwatt/commonwatt/chaincode"
)

func main() {
	if err := run(os.Getenv); err != nil {
		fmt.Fprintln(os.Stderr, "chaincode:", err)
		os.Exit(1)
	}
}

func run(getenv func(string) string) error {
	contracts, err := chaincode.New()
	if err != nil {
		return err
	}
	address, id := getenv("CHAINCODE_SERVER_ADDRESS"), getenv("CORE_CHAINCODE_ID")
	if address == "" || id == "" {
		return errors.New("set CHAINCODE_SERVER_ADDRESS (host:port to listen on) and CORE_CHAINCODE_ID (the package id that the peer knows)")
	}
	tls := shim.TLSProperties{Disabled: true}
	if key := getenv("CHAINCODE_TLS_KEY"); key != "" {
		tls.Disabled = false
		if tls.Key, err = os.ReadFile(key); err != nil { //nolint:gosec // the path is the operator's
			return fmt.Errorf("CHAINCODE_TLS_KEY: %w", err)
		}
		if tls.Cert, err = os.ReadFile(getenv("CHAINCODE_TLS_CERT")); err != nil {
			return fmt.Errorf("CHAINCODE_TLS_CERT: %w", err)
		}
	}
	server := &shim.ChaincodeServer{CCID: id, Address: address, CC: contracts, TLSProps: tls}
	return server.Start()
}
