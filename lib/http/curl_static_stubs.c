/* Link-time stand-ins for libraries that Debian's static libcurl refers to. GSSAPI, LDAP and RTMP
 * have no archive in Debian; libssh2 and brotli have one, which a program carries for nothing. The
 * protocols are switched off for every transfer (CURLOPT_PROTOCOLS_STR in http_client.cpp) and no
 * content encoding is asked for, so none of these is ever reached but what libcurl calls when it
 * starts (libssh2_init, libssh2_exit) or tells its version; each other one fails. The signatures do
 * not matter to the linker; functions that return pointers return NULL, status functions return an
 * error of their library. */

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

FAILS(BrotliDecoderVersion, 0)
FAILS(BrotliDecoderCreateInstance, 0)
FAILS(BrotliDecoderDecompressStream, 0)
FAILS(BrotliDecoderDestroyInstance, 0)
FAILS(BrotliDecoderGetErrorCode, -1)

FAILS(libssh2_agent_connect, -1)
FAILS(libssh2_agent_disconnect, -1)
FAILS(libssh2_agent_free, 0)
FAILS(libssh2_agent_get_identity, -1)
FAILS(libssh2_agent_init, 0)
FAILS(libssh2_agent_list_identities, -1)
FAILS(libssh2_agent_userauth, -1)
FAILS(libssh2_channel_free, -1)
FAILS(libssh2_channel_read_ex, -1)
FAILS(libssh2_channel_send_eof, -1)
FAILS(libssh2_channel_wait_closed, -1)
FAILS(libssh2_channel_wait_eof, -1)
FAILS(libssh2_channel_write_ex, -1)
FAILS(libssh2_hostkey_hash, 0)
FAILS(libssh2_knownhost_add, -1)
FAILS(libssh2_knownhost_checkp, -1)
FAILS(libssh2_knownhost_del, -1)
FAILS(libssh2_knownhost_free, 0)
FAILS(libssh2_knownhost_get, -1)
FAILS(libssh2_knownhost_init, 0)
FAILS(libssh2_knownhost_readfile, -1)
FAILS(libssh2_knownhost_writefile, -1)
FAILS(libssh2_scp_recv2, 0)
FAILS(libssh2_scp_send64, 0)
FAILS(libssh2_session_abstract, 0)
FAILS(libssh2_session_block_directions, 0)
FAILS(libssh2_session_callback_set, 0)
FAILS(libssh2_session_disconnect_ex, -1)
FAILS(libssh2_session_flag, 0)
FAILS(libssh2_session_free, -1)
FAILS(libssh2_session_handshake, -1)
FAILS(libssh2_session_hostkey, 0)
FAILS(libssh2_session_init_ex, 0)
FAILS(libssh2_session_last_errno, -1)
FAILS(libssh2_session_last_error, -1)
FAILS(libssh2_session_method_pref, -1)
FAILS(libssh2_session_set_blocking, 0)
FAILS(libssh2_sftp_close_handle, -1)
FAILS(libssh2_sftp_init, 0)
FAILS(libssh2_sftp_last_error, -1)
FAILS(libssh2_sftp_mkdir_ex, -1)
FAILS(libssh2_sftp_open_ex, 0)
FAILS(libssh2_sftp_read, -1)
FAILS(libssh2_sftp_readdir_ex, -1)
FAILS(libssh2_sftp_rename_ex, -1)
FAILS(libssh2_sftp_rmdir_ex, -1)
FAILS(libssh2_sftp_seek64, 0)
FAILS(libssh2_sftp_shutdown, -1)
FAILS(libssh2_sftp_stat_ex, -1)
FAILS(libssh2_sftp_statvfs, -1)
FAILS(libssh2_sftp_symlink_ex, -1)
FAILS(libssh2_sftp_unlink_ex, -1)
FAILS(libssh2_sftp_write, -1)
FAILS(libssh2_userauth_authenticated, 0)
FAILS(libssh2_userauth_keyboard_interactive_ex, -1)
FAILS(libssh2_userauth_list, 0)
FAILS(libssh2_userauth_password_ex, -1)
FAILS(libssh2_userauth_publickey_fromfile_ex, -1)
FAILS(psl_builtin, 0)
FAILS(psl_free, 0)
FAILS(psl_is_cookie_domain_acceptable, 0)
FAILS(psl_latest, 0)

FAILS(libssh2_init, 0)
FAILS(libssh2_exit, 0)

const char* libssh2_version(int wanted);
const char* libssh2_version(int wanted) {
    (void)wanted;
    return "none";
}

const char* psl_get_version(void);
const char* psl_get_version(void) {
    return "none";
}
