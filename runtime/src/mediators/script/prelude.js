// The objects that scripts find: `mc`, OMElement-like nodes, and the few Java classes that scripts of
// integrations use. Everything goes through one native function, __call(operation, ...arguments).
(function (call) {
  'use strict';

  class Om {
    constructor(handle) { Object.defineProperty(this, '__node', { value: handle }); }
    getText() { return call('text', this.__node); }
    getLocalName() { return call('localName', this.__node); }
    getNamespaceURI() { return call('namespace', this.__node); }
    getFirstElement() { return om(call('first', this.__node)); }
    getParent() { return om(call('parent', this.__node)); }
    getChildElements() { return list(call('children', this.__node).map(om)); }
    getChildren() { return this.getChildElements(); }
    getChildrenWithLocalName(name) {
      return list(call('children', this.__node).map(om).filter(child => child.getLocalName() === name));
    }
    getFirstChildWithName(name) {
      const local = name && name.getLocalPart ? name.getLocalPart() : text(name);
      const found = call('children', this.__node).map(om).filter(child => child.getLocalName() === local);
      return found.length > 0 ? found[0] : null;
    }
    getAttributeValue(name) {
      const local = name && name.getLocalPart ? name.getLocalPart() : text(name);
      return call('attribute', this.__node, local);
    }
    setText(value) { call('setText', this.__node, text(value)); }
    detach() { call('detach', this.__node); return this; }
    getBody() { return om(call('body')); }
    getHeader() { return om(call('header')); }
    toString() { return call('xml', this.__node); }
    toXMLString() { return this.toString(); }
    getBytes() { return this.toString(); }
  }

  class XPath {
    constructor(expression) { this.expression = expression; this.namespaces = []; }
    addNamespace(prefix, uri) { this.namespaces.push(prefix, uri); }
    selectNodes(context) {
      return list(call('select', this.expression, node(context), this.namespaces).map(found => typeof found === 'number' ? om(found) : found));
    }
    selectSingleNode(context) { const found = this.selectNodes(context); return found.size() > 0 ? found.get(0) : null; }
    stringValueOf(context) { const found = this.selectSingleNode(context); return found === null ? '' : found instanceof Om ? found.getText() : String(found); }
    evaluate(context) { return this.selectNodes(context); }
  }

  const om = handle => (typeof handle === 'number' ? new Om(handle) : null);
  const node = value => (value instanceof Om ? value.__node : null);
  const text = value => (value === null || value === undefined ? '' : value instanceof Om ? value.toString() : String(value));

  // A Java list and iterator at once.
  function list(items) {
    let next = 0;
    return Object.assign(items, {
      get: index => items[index],
      size: () => items.length,
      isEmpty: () => items.length === 0,
      hasNext: () => next < items.length,
      next: () => items[next++],
      iterator: () => list(items.slice()),
    });
  }

  function value(found) {
    if (found === null || found === undefined) return null;
    if (typeof found === 'object' && found.__node !== undefined) return om(found.__node);
    if (typeof found === 'object' && found.__json !== undefined) return JSON.parse(found.__json);
    return found;
  }

  function packed(given) {
    if (given === null || given === undefined) return null;
    if (given instanceof Om) return { __node: given.__node };
    if (typeof given === 'object') return { __json: JSON.stringify(given) };
    return given;
  }

  function json(given) {
    // Undefined members become null, as in MI; functions cannot be written at all.
    const written = JSON.stringify(given === undefined ? null : given, (key, member) => (member === undefined ? null : member));
    if (written === undefined) throw new TypeError('the value cannot be written as JSON');
    return written;
  }

  const address = field => ({
    get: () => { const found = call('address', field); return found === null ? null : { getAddress: () => found, toString: () => found }; },
    set: given => call('setAddress', field, given && given.getAddress ? given.getAddress() : text(given)),
  });
  const [to, from, replyTo, faultTo] = ['to', 'from', 'replyTo', 'faultTo'].map(address);

  const log = {};
  for (const level of ['trace', 'debug', 'info', 'warn', 'error', 'fatal']) {
    log[level] = given => call('log', level, text(given));
  }
  log.isDebugEnabled = () => false;

  const bytes = given => text(given);
  let jsonObject = null;

  const mc = {
    getPayloadXML: () => om(call('payloadXml')),
    setPayloadXML: given => call('setPayloadXml', text(given)),
    getPayloadJSON: () => { const found = call('payloadJson'); return found === null ? null : JSON.parse(found); },
    setPayloadJSON: given => call('setPayloadJson', json(given)),
    getPayloadText: () => call('payloadText'),
    getJsonText: () => call('payloadText'),
    setJsonText: () => true,
    jsonObject: () => (jsonObject === null ? mc.getPayloadJSON() : jsonObject),
    setJsonObject: (context, given) => { jsonObject = given; return true; },
    getEnvelopeXML: () => call('envelopeXml'),
    getEnvelope: () => om(call('envelope')),
    addHeader: (mustUnderstand, content) => call('addHeader', mustUnderstand === true, text(content)),
    parseXml: given => om(call('parse', text(given))),
    getParsedOMElement: stream => om(call('parse', bytes(stream))),
    getXpathResult: expression => new XPath(text(expression)),
    getProperty: name => value(call('property', text(name))),
    setProperty: (name, given, scope) => call('setProperty', text(name), packed(given), scope === undefined ? 'default' : text(scope)),
    removeProperty: (name, scope) => call('removeProperty', text(name), scope === undefined ? 'default' : text(scope)),
    getPropertyKeySet: () => list(call('propertyNames')),
    getVariable: name => value(call('variable', text(name))),
    setVariable: (name, given) => call('setVariable', text(name), packed(given)),
    getEntry: key => value(call('entry', text(key))),
    getLocalEntry: key => value(call('entry', text(key))),
    getTo: to.get, setTo: to.set,
    getFrom: from.get, setFrom: from.set,
    getReplyTo: replyTo.get, setReplyTo: replyTo.set,
    getFaultTo: faultTo.get, setFaultTo: faultTo.set,
    getMessageID: () => call('messageId'),
    setMessageID: given => call('setMessageId', text(given)),
    getWSAAction: () => call('address', 'action'),
    setWSAAction: given => call('setAddress', 'action', text(given)),
    getSoapAction: () => call('address', 'action'),
    setSoapAction: given => call('setAddress', 'action', text(given)),
    isResponse: () => call('flag', 'response'),
    setResponse: given => call('setFlag', 'response', given === true),
    isDoingPOX: () => call('flag', 'rest'),
    setDoingPOX: given => call('setFlag', 'rest', given === true),
    isDoingGET: () => call('flag', 'get'),
    isSOAP11: () => call('flag', 'soap11'),
    isFaultResponse: () => call('flag', 'fault'),
    getServiceLog: () => log,
  };

  class ByteArrayInputStream {
    constructor(given) { this.given = bytes(given); }
    toString() { return this.given; }
  }
  class QName {
    constructor(first, second) { this.local = second === undefined ? first : second; this.uri = second === undefined ? '' : first; }
    getLocalPart() { return this.local; }
    getNamespaceURI() { return this.uri; }
  }
  class UUID {
    static randomUUID() { return new UUID(call('uuid')); }
    constructor(given) { this.given = given; }
    toString() { return this.given; }
  }
  const Thread = { sleep: millis => call('sleep', Number(millis)) };
  const classes = {
    'java.io.ByteArrayInputStream': ByteArrayInputStream,
    'javax.xml.namespace.QName': QName,
    'java.util.UUID': UUID,
    'java.lang.Thread': Thread,
  };

  globalThis.java = { io: { ByteArrayInputStream }, util: { UUID }, lang: { Thread } };
  globalThis.javax = { xml: { namespace: { QName } } };
  globalThis.Java = {
    type(name) {
      const found = classes[name];
      if (found === undefined) throw new TypeError('the Java class ' + name + ' is not available');
      return found;
    },
  };
  globalThis.print = (...given) => call('log', 'info', given.map(text).join(' '));
  globalThis.log = log;
  Object.defineProperty(String.prototype, 'getBytes', { value() { return String(this); } });
  Object.defineProperty(String.prototype, 'equals', { value(other) { return String(this) === String(other); } });
  globalThis.mc = mc;
})(__call);
delete globalThis.__call;
