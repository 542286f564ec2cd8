/* Link-time stand-ins for three libraries that Debian's static libcurl refers to and that have no
 * archive in Debian: GSSAPI, LDAP and RTMP. The protocols are switched off for every transfer
 * (CURLOPT_PROTOCOLS_STR in http_client.cpp), so none of these is ever reached; each fails if it
 * is. The signatures do not matter to the linker; functions that return pointers return NULL,
 * status functions return an error of their library. */

#define GSS_FAILURE (13L << 16)

#define FAILS(name, value) \
    long name(void);       \
    long name(void) {      \
        return (value);    \
    }

FAILS(gss_init_sec_context, GSS_FAILURE)
FAILS(gss_import_name, GSS_FAILURE)
FAILS(gss_display_name, GSS_FAILURE)
FAILS(gss_display_status, GSS_FAILURE)
FAILS(gss_inquire_context, GSS_FAILURE)
FAILS(gss_unwrap, GSS_FAILURE)
FAILS(gss_wrap, GSS_FAILURE)
FAILS(gss_delete_sec_context, 0)
FAILS(gss_release_buffer, 0)
FAILS(gss_release_name, 0)
void* GSS_C_NT_HOSTBASED_SERVICE = 0;

FAILS(RTMP_Alloc, 0)
FAILS(RTMP_Init, 0)
FAILS(RTMP_SetupURL, 0)
FAILS(RTMP_Connect1, 0)
FAILS(RTMP_ConnectStream, 0)
FAILS(RTMP_SetBufferMS, 0)
FAILS(RTMP_Close, 0)
FAILS(RTMP_Free, 0)
FAILS(RTMP_Read, -1)
FAILS(RTMP_Write, -1)

FAILS(ber_bvfree, 0)
FAILS(ber_free, 0)
FAILS(ber_memfree, 0)
FAILS(ber_sockbuf_add_io, -1)
FAILS(ldap_abandon_ext, -1)
FAILS(ldap_err2string, 0)
FAILS(ldap_free_urldesc, 0)
FAILS(ldap_get_attribute_ber, -1)
FAILS(ldap_get_dn_ber, -1)
FAILS(ldap_get_option, -1)
FAILS(ldap_init_fd, -1)
FAILS(ldap_memfree, 0)
FAILS(ldap_msgfree, -1)
FAILS(ldap_msgtype, -1)
FAILS(ldap_parse_result, -1)
FAILS(ldap_parse_sasl_bind_result, -1)
FAILS(ldap_pvt_url_scheme2proto, -1)
FAILS(ldap_result, -1)
FAILS(ldap_sasl_bind, -1)
FAILS(ldap_search_ext, -1)
FAILS(ldap_set_option, -1)
FAILS(ldap_start_tls, -1)
FAILS(ldap_unbind_ext, -1)
FAILS(ldap_url_parse, -1)
