"""One vendor's wire format each, over an injected transport; raises only `service.errors`."""
