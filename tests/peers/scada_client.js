// A SCADA client that others wrote (node-opcua): looks at everything, tries to change what it can, says what came of it.
// argv[2] is JSON: {url, folder, certificate?, key?, uri?, user?, password?}; prints one line of JSON.
"use strict";
const opcua = require("node-opcua");

const asked = JSON.parse(process.argv[2]);
const PACKML = "http://opcfoundation.org/UA/PackML/";
const OURS = "urn:senbetsu:scada";

async function connected() {
  const secured = asked.certificate !== undefined;
  const client = opcua.OPCUAClient.create({
    applicationName: "peer",
    endpointMustExist: false,
    connectionStrategy: { maxRetry: 0 },
    requestedSessionTimeout: 60000,
    securityMode: secured ? opcua.MessageSecurityMode.SignAndEncrypt : opcua.MessageSecurityMode.None,
    securityPolicy: secured ? opcua.SecurityPolicy.Basic256Sha256 : opcua.SecurityPolicy.None,
    clientCertificateManager: new opcua.OPCUACertificateManager({
      rootFolder: asked.folder,
      automaticallyAcceptUnknownCertificate: true,
    }),
    ...(secured ? { certificateFile: asked.certificate, privateKeyFile: asked.key, applicationUri: asked.uri } : {}),
  });
  await client.connect(asked.url);
  const user = asked.user
    ? { type: opcua.UserTokenType.UserName, userName: asked.user, password: asked.password }
    : { type: opcua.UserTokenType.Anonymous };
  return [client, await client.createSession(user)];
}

async function browsed(session, nodeId, path, found) {
  const answer = await opcua.browseAll(session, {
    nodeId,
    referenceTypeId: "HierarchicalReferences",
    includeSubtypes: true,
    browseDirection: opcua.BrowseDirection.Forward,
    resultMask: 63,
  });
  for (const child of answer.references ?? []) {
    const name = path ? `${path}.${child.browseName.name}` : child.browseName.name;
    if (!(name in found)) {
      found[name] = { id: child.nodeId.toString(), nodeClass: opcua.NodeClass[child.nodeClass] };
      await browsed(session, child.nodeId, name, found);
    }
  }
  return found;
}

async function main() {
  const [client, session] = await connected();
  const spaces = await session.readNamespaceArray();
  const [ours, packml] = [spaces.indexOf(OURS), spaces.indexOf(PACKML)];
  const said = { nodes: {}, values: {}, writes: {}, calls: {} };
  for (const root of ["Senbetsu", "PackML"]) {
    await browsed(session, `ns=${ours};s=${root}`, root, said.nodes);
  }
  const variables = Object.entries(said.nodes).filter(([, node]) => node.nodeClass === "Variable");
  for (const [path, node] of variables) {
    const value = await session.read({ nodeId: node.id, attributeId: opcua.AttributeIds.Value });
    // What cannot be decoded by the types of the nodeset would be an OpaqueStructure here.
    said.values[path] = {
      status: value.statusCode.name,
      type: opcua.DataType[value.value.dataType],
      value: value.value.value === undefined ? null : JSON.parse(JSON.stringify(value.value.value)),
    };
    const status = await session.write({
      nodeId: node.id,
      attributeId: opcua.AttributeIds.Value,
      value: { value: { dataType: opcua.DataType.Int32, value: 1 } },
    });
    said.writes[path] = status.name;
  }
  for (const [path, node] of Object.entries(said.nodes)) {
    if (node.nodeClass === "Method") {
      const result = await session.call({ objectId: `ns=${ours};s=PackML`, methodId: node.id, inputArguments: [] });
      said.calls[path] = result.statusCode.name;
    }
  }
  const kind = await opcua.browseAll(session, {
    nodeId: `ns=${ours};s=PackML`,
    referenceTypeId: "HasTypeDefinition",
    browseDirection: opcua.BrowseDirection.Forward,
    resultMask: 63,
  });
  said.type = kind.references.map((r) => `${r.browseName.namespaceIndex === packml}:${r.browseName.name}`);
  const states = await browsed(session, `ns=${packml};i=${6}`, "PackMLBaseObjectType", {});
  said.typeNodes = Object.keys(states);
  await session.close();
  await client.disconnect();
  return said;
}

main()
  .catch((error) => ({ error: String(error.message ?? error) }))
  .then((said) => process.stdout.write(`${JSON.stringify(said)}\n`, () => process.exit(0)));
