package server

import (
	"context"

	"github.com/fichadev/ficha/internal/store"
	"github.com/fichadev/ficha/internal/token"
)

// builtIn is the catalogue that every server begins with: the seven scopes that
// Be CMS's document names.
var builtIn = []token.ScopeInfo{
	entry("content:write", "Create, update and publish entries in configured collections", "Crear, actualizar y publicar entradas en colecciones configuradas",
		"Editorial automation", "Automatizaciones editoriales"),
	entry("catalog:read", "Read catalogues, taxonomies and relations between collections", "Consultar catálogos, taxonomías y relaciones entre colecciones",
		"Headless front ends and microservices", "Frontends headless y microservicios"),
	entry("catalog:write", "Change catalogues, taxonomies and relations between collections", "Modificar catálogos, taxonomías y relaciones entre colecciones",
		"Catalogue synchronisation", "Sincronización de catálogos"),
	entry("assets:read", "Read media assets", "Consultar activos multimedia", "Headless front ends", "Frontends headless"),
	entry("assets:write", "Upload and transform media assets", "Subir y transformar activos multimedia",
		"Media pipelines and external asset managers", "Pipelines de media y DAM externos"),
	entry("events:write", "Emit custom events that trigger automations or integrations", "Emitir eventos personalizados para disparar automatizaciones o integraciones",
		"Integration with a CRM or CDP", "Integraciones con CRM o CDP"),
	entry("users:read", "Read users and their profiles", "Consultar usuarios y sus perfiles", "Synchronising people with a CRM", "Sincronización de personas con un CRM"),
}

func entry(name, en, es, useEN, useES string) token.ScopeInfo {
	return token.ScopeInfo{Name: name, Description: map[string]string{"en": en, "es": es}, Use: map[string]string{"en": useEN, "es": useES}}
}

// seed writes the built-in catalogue into a database that has none.
func seed(ctx context.Context, s *store.Store) error {
	have, err := s.Scopes(ctx)
	if err != nil || len(have) > 0 {
		return err
	}
	return s.Do(ctx, func(tx *store.Tx) error {
		for i := range builtIn {
			if err := tx.PutScope(ctx, &builtIn[i]); err != nil {
				return err
			}
		}
		return nil
	})
}
