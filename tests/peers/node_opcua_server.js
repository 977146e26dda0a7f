"use strict";
// An OPC UA server that holds a PLC's arrays, as a PLC's OPC UA stack does. What is in them comes from the
// PLC's scan, which is the process that started this one: JSON lines in (status, history), JSON lines out
// (ready, command). Started as: node --single-threaded node_opcua_server.js OPTIONS, with OPTIONS in JSON.
const fs = require("node:fs");
const readline = require("node:readline");
const opcua = require("node-opcua");

const options = JSON.parse(process.argv[2]);
const say = (message) => process.stdout.write(JSON.stringify(message) + "\n");

function array(words) {
  return new opcua.Variant({
    dataType: opcua.DataType.UInt32,
    arrayType: opcua.VariantArrayType.Array,
    value: Uint32Array.from(words),
  });
}

async function certificateManager(folder, trusted) {
  const manager = new opcua.OPCUACertificateManager({
    rootFolder: folder,
    automaticallyAcceptUnknownCertificate: false,
    disableFileWatchers: true,
  });
  await manager.initialize();
  for (const file of trusted) await manager.trustCertificate(fs.readFileSync(file));
  return manager;
}

async function main() {
  const secure = options.certificate !== undefined;
  const server = new opcua.OPCUAServer({
    port: options.port,
    host: "127.0.0.1",
    serverCertificateManager: await certificateManager(`${options.folder}/pki`, options.trusted ?? []),
    userCertificateManager: await certificateManager(`${options.folder}/userpki`, options.userCertificates ?? []),
    certificateFile: options.certificate,
    privateKeyFile: options.key,
    securityPolicies: secure
      ? [
          opcua.SecurityPolicy.Basic256Sha256,
          opcua.SecurityPolicy.Aes128_Sha256_RsaOaep,
          opcua.SecurityPolicy.Aes256_Sha256_RsaPss,
        ]
      : [opcua.SecurityPolicy.None],
    securityModes: secure
      ? [opcua.MessageSecurityMode.Sign, opcua.MessageSecurityMode.SignAndEncrypt]
      : [opcua.MessageSecurityMode.None],
    allowAnonymous: options.users === undefined,
    userManager: { isValidUser: (name, password) => (options.users ?? {})[name] === password },
    serverInfo: options.uri ? { applicationUri: options.uri } : {},
  });
  await server.initialize();
  const space = server.engine.addressSpace;
  const namespace = space.registerNamespace("urn:senbetsu:plc");
  const object = namespace.addObject({
    organizedBy: space.rootFolder.objects,
    browseName: "Senbetsu",
    nodeId: "s=Senbetsu",
  });
  const shown = (name, length) => {
    const node = namespace.addVariable({
      componentOf: object,
      browseName: name,
      nodeId: `s=Senbetsu.${name}`,
      dataType: "UInt32",
      valueRank: 1,
      arrayDimensions: [length],
      accessLevel: "CurrentRead",
      userAccessLevel: "CurrentRead",
      minimumSamplingInterval: 1,
    });
    node.setValueFromSource(array(new Uint32Array(length)));
    return node;
  };
  const status = shown("Status", options.lengths.status);
  const history = shown("History", options.lengths.history);
  const take = (variant) => {
    say({ command: Array.from(variant.value) });
    return opcua.StatusCodes.Good;
  };
  let command = array(new Uint32Array(options.lengths.command));
  namespace.addVariable({
    componentOf: object,
    browseName: "Command",
    nodeId: "s=Senbetsu.Command",
    dataType: "UInt32",
    valueRank: 1,
    arrayDimensions: [options.lengths.command],
    value: {
      get: () => command,
      set: (variant) => {
        command = variant;
        return take(variant);
      },
    },
  });
  const method = namespace.addMethod(object, {
    browseName: "WriteCommand",
    nodeId: "s=Senbetsu.WriteCommand",
    inputArguments: [{ name: "Words", dataType: opcua.DataType.UInt32, valueRank: 1, arrayDimensions: [0] }],
    outputArguments: [],
  });
  method.bindMethod((inputs, context, callback) =>
    callback(null, { statusCode: take(inputs[0]), outputArguments: [] }),
  );

  await server.start();
  say({ ready: options.port });
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const message = JSON.parse(line);
    if (message.status) status.setValueFromSource(array(message.status));
    if (message.history) history.setValueFromSource(array(message.history));
  }
  await server.shutdown(0);
  process.exit(0);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
