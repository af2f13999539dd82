package network

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/commonwatt/commonwatt/disk"
)

// tree is YAML to be.
type tree = map[string]any

// configs writes the configurations of a network's channel and nodes.
type configs struct{ *description }

func (c configs) writeYAML(content tree, parts ...string) error {
	text, err := yaml.Marshal(content)
	if err != nil {
		return err
	}
	path := c.file(parts...)
	return errors.Join(disk.MakeFolder(filepath.Dir(path)), disk.Replace(path, text, disk.Private))
}

func policy(kind, rule string) tree { return tree{"Type": kind, "Rule": rule} }

func meta(readers, writers, admins string) tree {
	return tree{
		"Readers": policy("ImplicitMeta", readers), "Writers": policy("ImplicitMeta", writers), "Admins": policy("ImplicitMeta", admins),
	}
}

// writeChannel writes the channel's configuration for configtxgen.
func (c configs) writeChannel() error {
	var orgs, ordering []tree // ordering: those that have an orderer
	for _, msp := range organisations() {
		var endpoints []string
		for _, o := range c.kind(orderer) {
			if o.MSP == msp {
				endpoints = append(endpoints, o.address())
			}
		}
		anchor, err := c.node("peer-" + strings.ToLower(msp))
		if err != nil {
			return err
		}
		org := tree{
			"Name": msp, "ID": msp, "MSPDir": c.mspDir(strings.ToLower(msp)),
			"Policies": tree{
				"Readers":     policy("Signature", fmt.Sprintf("OR('%s.member')", msp)),
				"Writers":     policy("Signature", fmt.Sprintf("OR('%s.member')", msp)),
				"Admins":      policy("Signature", fmt.Sprintf("OR('%s.admin')", msp)),
				"Endorsement": policy("Signature", fmt.Sprintf("OR('%s.peer')", msp)),
			},
			"AnchorPeers": []tree{{"Host": "127.0.0.1", "Port": anchor.Port}},
		}
		orgs = append(orgs, org)
		if len(endpoints) > 0 {
			org["OrdererEndpoints"] = endpoints
			ordering = append(ordering, org)
		}
	}
	consensus := c.raft()
	if c.bft() {
		consensus = c.smartBFT()
	}
	orderers := meta("ANY Readers", "ANY Writers", "MAJORITY Admins")
	orderers["BlockValidation"] = policy("ImplicitMeta", "ANY Writers")
	application := meta("ANY Readers", "ANY Writers", "MAJORITY Admins")
	application["LifecycleEndorsement"] = policy("ImplicitMeta", "ALL Endorsement")
	application["Endorsement"] = policy("ImplicitMeta", "ALL Endorsement")
	return c.writeYAML(tree{"Profiles": tree{"Commonwatt": tree{
		"Policies":     meta("ANY Readers", "ANY Writers", "MAJORITY Admins"),
		"Capabilities": c.capabilities(),
		"Orderer": merged(consensus, tree{
			"BatchTimeout":  "200ms",
			"BatchSize":     tree{"MaxMessageCount": 500, "AbsoluteMaxBytes": "10 MB", "PreferredMaxBytes": "2 MB"},
			"Organizations": ordering, "Policies": orderers, "Capabilities": tree{"V2_0": true},
		}),
		"Application": tree{"Organizations": orgs, "Policies": application, "Capabilities": tree{"V2_5": true}},
	}}}, "configtx.yaml")
}

// capabilities of the channel are no more than what is needed, so that Fabric 2.5
// serves as well as 3.
func (c configs) capabilities() tree {
	if c.bft() {
		return tree{"V3_0": true}
	}
	return tree{"V2_0": true}
}

// raft is the consensus of orderers that may stop.
func (c configs) raft() tree {
	var consenters []tree
	for _, o := range c.kind(orderer) {
		consenters = append(consenters, c.consenter(o))
	}
	return tree{"OrdererType": "etcdraft", "EtcdRaft": tree{"Consenters": consenters, "Options": tree{
		"TickInterval": "100ms", "ElectionTick": 10, "HeartbeatTick": 1, "MaxInflightBlocks": 5, "SnapshotIntervalSize": "16 MB",
	}}}
}

// smartBFT is the consensus of orderers of which some may lie.
func (c configs) smartBFT() tree {
	var consenters []tree
	for k, o := range c.kind(orderer) {
		consenters = append(consenters, merged(c.consenter(o), tree{
			"ID": k + 1, "MSPID": o.MSP, "Identity": filepath.Join(c.mspDir(o.Name), "signcerts", "cert.pem"),
		}))
	}
	return tree{"OrdererType": "BFT", "ConsenterMapping": consenters, "SmartBFT": tree{
		"RequestBatchMaxInterval": "200ms", "RequestForwardTimeout": "2s", "RequestComplainTimeout": "5s", "RequestAutoRemoveTimeout": "3m0s",
		"ViewChangeResendInterval": "2s", "ViewChangeTimeout": "10s", "LeaderHeartbeatTimeout": "5s", "CollectTimeout": "1s",
		"IncomingMessageBufferSize": 200, "RequestPoolSize": 100000, "LeaderHeartbeatCount": 10,
	}}
}

func (c configs) consenter(o Node) tree {
	return tree{"Host": "127.0.0.1", "Port": o.Port, "ClientTLSCert": c.tlsFile(o, ".pem"), "ServerTLSCert": c.tlsFile(o, ".pem")}
}

func merged(a, b tree) tree {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return all
}

// writeBuilder writes the external builder by which a peer connects to a
// contract service: the package holds its address and certificate.
func (c configs) writeBuilder() error {
	for name, script := range map[string]string{
		"detect":  "exit 0\n",
		"build":   `cp "$1/connection.json" "$3/"` + "\n",
		"release": `mkdir -p "$2/chaincode/server" && cp "$1/connection.json" "$2/chaincode/server/"` + "\n",
	} {
		path := c.file("builder", "bin", name)
		if err := disk.MakeFolder(filepath.Dir(path)); err != nil {
			return err
		}
		if err := disk.Replace(path, []byte("#!/bin/sh\n"+script), disk.PrivateFolder); err != nil { // it is run
			return err
		}
	}
	return nil
}

func (c configs) writeNodes() error {
	for _, node := range c.Nodes {
		var err error
		switch node.Kind {
		case orderer:
			err = c.writeYAML(c.ordererConfig(node), node.Name, "orderer.yaml")
		case peer:
			err = c.writeYAML(c.peerConfig(node), node.Name, "core.yaml")
		default:
			err = disk.MakeFolder(c.file(node.Name))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (c configs) ordererConfig(node Node) tree {
	var roots []string
	for _, msp := range organisations() {
		roots = append(roots, c.tlsCA(msp))
	}
	tls := tree{"Enabled": true, "PrivateKey": c.tlsFile(node, ".key"), "Certificate": c.tlsFile(node, ".pem"), "RootCAs": roots}
	admin := tree{
		"Enabled": true, "PrivateKey": c.tlsFile(node, ".key"), "Certificate": c.tlsFile(node, ".pem"), "RootCAs": roots,
		"ClientAuthRequired": true, "ClientRootCAs": []string{c.tlsCA(node.MSP)},
	}
	return tree{
		"General": tree{
			"ListenAddress": "127.0.0.1", "ListenPort": node.Port, "TLS": tls, "BootstrapMethod": "none",
			"LocalMSPDir": c.mspDir(node.Name), "LocalMSPID": node.MSP,
			"Cluster":        tree{"ClientCertificate": c.tlsFile(node, ".pem"), "ClientPrivateKey": c.tlsFile(node, ".key"), "RootCAs": roots, "SendBufferSize": 100},
			"Keepalive":      tree{"ServerMinInterval": "1s", "ServerInterval": "60s", "ServerTimeout": "20s"},
			"BCCSP":          tree{"Default": "SW", "SW": tree{"Hash": "SHA2", "Security": 256}},
			"Authentication": tree{"TimeWindow": "15m"},
			"MaxRecvMsgSize": 104857600, "MaxSendMsgSize": 104857600,
		},
		"FileLedger":           tree{"Location": c.file(node.Name, "ledger")},
		"Operations":           tree{"ListenAddress": fmt.Sprintf("127.0.0.1:%d", node.Operations)},
		"Metrics":              tree{"Provider": "disabled"},
		"Admin":                tree{"ListenAddress": fmt.Sprintf("127.0.0.1:%d", node.Admin), "TLS": admin},
		"ChannelParticipation": tree{"Enabled": true, "MaxRequestBodySize": "10 MB"},
		"Consensus":            tree{"WALDir": c.file(node.Name, "wal"), "SnapDir": c.file(node.Name, "snapshots")},
	}
}

func (c configs) peerConfig(node Node) tree {
	other := ""
	for _, p := range c.kind(peer) {
		if p.MSP != node.MSP {
			other = p.address()
		}
	}
	return tree{
		"peer": tree{
			"id": node.Name, "networkId": "commonwatt", "listenAddress": node.address(), "address": node.address(),
			"chaincodeListenAddress": fmt.Sprintf("127.0.0.1:%d", node.Admin),
			"localMspId":             node.MSP, "mspConfigPath": c.mspDir(node.Name), "fileSystemPath": c.file(node.Name, "data"),
			"BCCSP": tree{"Default": "SW", "SW": tree{"Hash": "SHA2", "Security": 256}},
			"tls": tree{
				"enabled": true, "clientAuthRequired": false, "cert": tree{"file": c.tlsFile(node, ".pem")}, "key": tree{"file": c.tlsFile(node, ".key")},
				"rootcert": tree{"file": c.tlsCA(node.MSP)},
			},
			"keepalive": tree{"minInterval": "1s", "interval": "60s", "timeout": "20s"},
			"gossip": tree{
				"bootstrap": other, "endpoint": node.address(), "externalEndpoint": node.address(),
				"useLeaderElection": false, "orgLeader": true, "reconnectInterval": "1s", "aliveTimeInterval": "1s", "aliveExpirationTimeout": "5s",
				"maxBlockCountToStore": 10, "maxPropagationBurstLatency": "10ms", "maxPropagationBurstSize": 10,
				"state": tree{"enabled": false},
				"pvtData": tree{
					"pullRetryThreshold": "5s", "transientstoreMaxBlockRetention": 1000, "pushAckTimeout": "3s", "btlPullMargin": 10,
					"reconcileBatchSize": 10, "reconcileSleepInterval": "5s", "reconciliationEnabled": true,
					"implicitCollectionDisseminationPolicy": tree{"requiredPeerCount": 0, "maxPeerCount": 1},
				},
			},
			"handlers": tree{
				"authFilters": []tree{{"name": "DefaultAuth"}, {"name": "ExpirationCheck"}}, "decorators": []tree{{"name": "DefaultDecorator"}},
				"endorsers": tree{"escc": tree{"name": "DefaultEndorsement"}}, "validators": tree{"vscc": tree{"name": "DefaultValidation"}},
			},
			"discovery":      tree{"enabled": true, "authCacheEnabled": true, "authCacheMaxSize": 1000, "authCachePurgeRetentionRatio": 0.75, "orgMembersAllowedAccess": false},
			"gateway":        tree{"enabled": true, "endorsementTimeout": "30s", "broadcastTimeout": "30s", "dialTimeout": "10s"},
			"limits":         tree{"concurrency": tree{"endorserService": 2500, "deliverService": 2500, "gatewayService": 500}},
			"deliveryclient": tree{"reconnectTotalTimeThreshold": "3600s", "connTimeout": "3s", "reConnectBackoffThreshold": "2s"},
			"maxRecvMsgSize": 104857600, "maxSendMsgSize": 104857600,
		},
		"vm": tree{"endpoint": ""},
		"chaincode": tree{
			"mode": "net", "keepalive": 0, "installTimeout": "60s", "startuptimeout": "60s", "executetimeout": "30s",
			"externalBuilders": []tree{{"name": "commonwatt", "path": c.file("builder")}},
			"system":           tree{"_lifecycle": "enable", "cscc": "enable", "lscc": "enable", "qscc": "enable"},
			"logging":          tree{"level": "info", "shim": "warning"},
		},
		"ledger": tree{
			"state":        tree{"stateDatabase": "goleveldb", "totalQueryLimit": 100000},
			"history":      tree{"enableHistoryDatabase": true},
			"pvtdataStore": tree{"collElgProcMaxDbBatchSize": 5000, "collElgProcDbBatchesInterval": 1000, "deprioritizedDataReconcilerInterval": "60m", "purgeInterval": 100, "purgedKeyAuditLogging": true},
			"snapshots":    tree{"rootDir": c.file(node.Name, "snapshots")},
		},
		"operations": tree{"listenAddress": fmt.Sprintf("127.0.0.1:%d", node.Operations)},
		"metrics":    tree{"provider": "disabled"},
	}
}
