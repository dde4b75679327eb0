/** GET /discovery: what fleet's API can be asked, as a Google API discovery document (https://developers.google.com/discovery/v1/reference/apis). */

const string = { type: 'string' };
const list = (ref: string) => ({ type: 'array', items: { $ref: ref } });
const page = { type: 'string', location: 'query' };
const named = (name: string) => ({ [name]: { type: 'string', location: 'path', required: true } });

function object(id: string, properties: object) {
  return { id, type: 'object', properties };
}

/** `root`: of the server, with a slash at its end; `path`: of this API below it, likewise. */
export function discoveryDocument(root: string, path: string) {
  return {
    kind: 'discovery#restDescription',
    discoveryVersion: 'v1',
    id: 'fleet:v1',
    name: 'schema',
    title: 'fleet API',
    description: "Terrane's fleet API",
    version: 'v1',
    protocol: 'rest',
    rootUrl: root,
    basePath: `/${path}`,
    servicePath: path,
    batchPath: 'batch',
    auth: {},
    parameters: {},
    schemas: {
      Machine: object('Machine', {
        id: { ...string, required: true },
        primaryIP: { ...string, required: true },
        metadata: { type: 'object', properties: {}, additionalProperties: string },
      }),
      MachinePage: object('MachinePage', { machines: list('Machine'), nextPageToken: string }),
      UnitOption: object('UnitOption', { section: string, name: string, value: string }),
      Unit: object('Unit', {
        name: string,
        options: list('UnitOption'),
        desiredState: { ...string, enum: ['inactive', 'loaded', 'launched'] },
        currentState: { ...string, enum: ['inactive', 'loaded', 'launched'] },
        machineID: string,
      }),
      UnitPage: object('UnitPage', { units: list('Unit'), nextPageToken: string }),
      UnitState: object('UnitState', {
        name: string,
        hash: string,
        machineID: string,
        systemdLoadState: string,
        systemdActiveState: string,
        systemdSubState: string,
      }),
      UnitStatePage: object('UnitStatePage', { states: list('UnitState'), nextPageToken: string }),
    },
    resources: {
      Machines: {
        methods: {
          List: method('Machine.List', 'GET', 'machines', { nextPageToken: page }, { response: 'MachinePage' }),
          Patch: method('Machine.Patch', 'PATCH', 'machines', {}),
        },
      },
      Units: {
        methods: {
          List: method('Unit.List', 'GET', 'units', { nextPageToken: page }, { response: 'UnitPage' }),
          Get: method('Unit.Get', 'GET', 'units/{unitName}', named('unitName'), { response: 'Unit' }),
          Set: method('Unit.Set', 'PUT', 'units/{unitName}', named('unitName'), { request: 'Unit' }),
          Delete: method('Unit.Delete', 'DELETE', 'units/{unitName}', named('unitName')),
        },
      },
      UnitState: {
        methods: {
          List: method(
            'UnitState.List',
            'GET',
            'state',
            { nextPageToken: page, machineID: page, unitName: page },
            { response: 'UnitStatePage' },
          ),
          Get: method('UnitState.Get', 'GET', 'state/{unitName}', named('unitName'), { response: 'UnitState' }),
        },
      },
    },
  };
}

function method(
  id: string,
  httpMethod: string,
  path: string,
  parameters: object,
  { request, response }: { request?: string; response?: string } = {},
) {
  return {
    id: `fleet.${id}`,
    httpMethod,
    path,
    parameters,
    ...(request && { request: { $ref: request } }),
    ...(response && { response: { $ref: response } }),
  };
}
