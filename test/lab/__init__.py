"""The test lab: network namespaces with a scripted internet. See README.md."""
